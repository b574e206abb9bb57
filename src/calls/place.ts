/** Where the input of a call comes from, or its output goes to, if not along with it: `redis:key`, `s3://bucket/key`. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

/** An object of an S3-compatible store. */
export interface S3Object {
  readonly bucket: string;
  readonly key: string;
}

export type Place =
  | { readonly kind: 'inline' }
  | { readonly kind: 'redis'; readonly key: string }
  | ({ readonly kind: 's3' } & S3Object);

const keyMaxBytes = 1024;

/** @throws FaasmError `bad_request` */
export function toPlace(text: string): Place {
  const [, redisKey] = /^redis:(.+)$/s.exec(text) ?? [];
  const [, bucket, key] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})\/(.+)$/s.exec(text) ?? [];
  const found = redisKey ?? key;
  if (found === undefined || Buffer.byteLength(found) > keyMaxBytes || !isPlain(found)) throw bad(text);
  return bucket === undefined ? { kind: 'redis', key: found } : { kind: 's3', bucket, key: found };
}

/** @throws FaasmError `bad_request` for one that `toPlace` would not give */
export function showPlace(place: Place): string {
  if (place.kind === 'inline') return '';
  const text = place.kind === 'redis' ? `redis:${place.key}` : `s3://${place.bucket}/${place.key}`;
  toPlace(text);
  return text;
}

/** Some stores take a key for a path. */
function isPlain(key: string): boolean {
  return !/\p{Cc}/u.test(key) && !key.split('/').some((name) => name === '.' || name === '..');
}

function bad(text: string): FaasmError {
  return new FaasmError(
    'bad_request',
    `Input and output of a call are at redis:key or s3://bucket/key, of at most ${keyMaxBytes} bytes and without . and .., not at ${quote(text)}`,
  );
}
