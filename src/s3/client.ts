/** The client of an S3-compatible store, made once for a host. The SDK is loaded only where there is one. */
import type { S3Client } from '@aws-sdk/client-s3';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

export interface S3Settings {
  /** As in `http://localhost:9000`; empty for that of AWS. */
  readonly endpoint: string;
  readonly region: string;
  /** Empty: what the SDK finds by itself, as in AWS_ACCESS_KEY_ID. */
  readonly accessKey: string;
  readonly secretKey: string;
}

const connectionTimeoutMs = 5000;
/** Without a byte. */
const requestTimeoutMs = 15_000;
const attemptsMax = 4;

/** @throws FaasmError `bad_request` when the endpoint is no URL */
export async function createS3Client(settings: S3Settings): Promise<S3Client> {
  const { endpoint, region, accessKey, secretKey } = settings;
  if (endpoint !== '' && !/^https?:\/\/./.test(endpoint)) {
    throw new FaasmError(
      'bad_request',
      `FAASM_S3_ENDPOINT is http://host:port or https:, not ${quote(endpoint)}`,
    );
  }
  const { S3Client } = await import('@aws-sdk/client-s3');
  return new S3Client({
    region,
    maxAttempts: attemptsMax,
    requestHandler: { connectionTimeout: connectionTimeoutMs, socketTimeout: requestTimeoutMs },
    ...(accessKey !== '' && { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
    // Stores other than that of AWS keep the frames of a checksum that is sent behind the bytes.
    ...(endpoint !== '' && {
      endpoint,
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED' as const,
      responseChecksumValidation: 'WHEN_REQUIRED' as const,
    }),
  });
}
