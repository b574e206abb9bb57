/** The client of an S3-compatible store, made once for a host. The SDK is loaded only where there is one. */
import type { S3Client } from '@aws-sdk/client-s3';

export interface S3Settings {
  /** As in `http://localhost:9000`. @default that of AWS */
  readonly endpoint?: string | undefined;
  readonly region: string;
  /** @default what the SDK finds by itself, as in AWS_ACCESS_KEY_ID */
  readonly accessKey?: string | undefined;
  readonly secretKey?: string | undefined;
}

const connectionTimeoutMs = 5000;
/** Without a byte. */
const requestTimeoutMs = 15_000;
const attemptsMax = 4;

export async function createS3Client(settings: S3Settings): Promise<S3Client> {
  const { endpoint, region, accessKey, secretKey = '' } = settings;
  const { S3Client } = await import('@aws-sdk/client-s3');
  return new S3Client({
    region,
    maxAttempts: attemptsMax,
    requestHandler: { connectionTimeout: connectionTimeoutMs, socketTimeout: requestTimeoutMs },
    ...(accessKey !== undefined && { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
    // Stores other than that of AWS keep the frames of a checksum that is sent behind the bytes.
    ...(endpoint !== undefined && {
      endpoint,
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED' as const,
      responseChecksumValidation: 'WHEN_REQUIRED' as const,
    }),
  });
}
