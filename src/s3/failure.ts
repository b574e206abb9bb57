import { FaasmError } from '../../proto/errors.ts';

/** What a refusal means, and what to do about it. */
const refusals: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'it does not know the access key; correct FAASM_S3_ACCESS_KEY',
  SignatureDoesNotMatch: 'it refuses the signature; correct FAASM_S3_SECRET_KEY',
  AccessDenied: 'it does not allow this; grant the access key the bucket',
  NoSuchBucket: 'the bucket is not there; make it first',
  CredentialsProviderError: 'there are no credentials; set FAASM_S3_ACCESS_KEY and FAASM_S3_SECRET_KEY',
};

/** @param what such as `s3://bucket/key` */
export function toS3Error(thrown: unknown, what: string): FaasmError {
  if (thrown instanceof FaasmError) return thrown;
  const { name, message, $metadata } = thrown as {
    readonly name?: string;
    readonly message?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  if (status === 412 || status === 409) {
    return new FaasmError('precondition_failed', `${what} was changed meanwhile, or is there already`, {
      cause: thrown,
    });
  }
  if (status === 416) {
    return new FaasmError('range_not_satisfiable', `${what} does not have that range`, { cause: thrown });
  }
  const why = refusals[name ?? ''] ?? (message || name || String(thrown));
  return new FaasmError('storage_unavailable', `S3 at ${what}: ${why}`, { cause: thrown });
}

/** The object, or the upload, is not there. */
export function isMissing(thrown: unknown): boolean {
  const name = thrown instanceof Error ? thrown.name : '';
  return name === 'NoSuchKey' || name === 'NotFound' || name === 'NoSuchUpload';
}
