/**
 * Objects of users, as their functions see them: buckets of their own, which are folders below `<user>/` of the one
 * place that the host is set to use. No user's function reaches another's.
 */
import { FaasmError } from '../../proto/errors.ts';
import { quote, type UserName } from '../../proto/names.ts';
import type { S3Bucket } from '../s3/bucket.ts';

const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,62}$/;
const keyMaxBytes = 512;

export class UserObjects {
  readonly #place: S3Bucket;
  readonly #objectMaxBytes: number;

  constructor(place: S3Bucket, objectMaxBytes: number) {
    this.#place = place;
    this.#objectMaxBytes = objectMaxBytes;
  }

  async buckets(user: UserName): Promise<string[]> {
    const keys = await this.#below(`${user}/`);
    return [...new Set(keys.filter((key) => key.includes('/')).map((key) => key.slice(0, key.indexOf('/'))))];
  }

  async keys(user: UserName, bucket: string): Promise<string[]> {
    return await this.#below(`${user}/${toBucketName(bucket)}/`);
  }

  /** @throws FaasmError `not_found`, `too_large`, `storage_unavailable` */
  async get(user: UserName, bucket: string, key: string): Promise<Uint8Array> {
    const path = toPath(user, bucket, key);
    const found = await this.#place.head(path);
    if (found === undefined)
      throw new FaasmError('not_found', `There is no object ${quote(key)} in bucket ${bucket}`);
    if (found.sizeBytes > this.#objectMaxBytes) throw this.#tooLarge(found.sizeBytes);
    return (await this.#place.get(path))?.bytes ?? new Uint8Array(0);
  }

  /** @throws FaasmError `too_large`, `storage_unavailable` */
  async put(user: UserName, bucket: string, key: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#objectMaxBytes) throw this.#tooLarge(bytes.length);
    await this.#place.put(toPath(user, bucket, key), bytes);
  }

  async #below(prefix: string): Promise<string[]> {
    return (await this.#place.list(prefix)).map(({ key }) => key.slice(prefix.length)).sort();
  }

  #tooLarge(sizeBytes: number): FaasmError {
    const max = this.#objectMaxBytes;
    return new FaasmError(
      'too_large',
      `An object has at most ${max} bytes, not ${sizeBytes}; raise FAASM_INPUT_MAX_BYTES`,
    );
  }
}

function toPath(user: UserName, bucket: string, key: string): string {
  const isPlain = key !== '' && !key.split('/').some((name) => name === '' || name === '.' || name === '..');
  if (isPlain && Buffer.byteLength(key) <= keyMaxBytes) return `${user}/${toBucketName(bucket)}/${key}`;
  throw new FaasmError(
    'bad_request',
    `Bad key of an object ${quote(key)}: it has 1 to ${keyMaxBytes} bytes, and no . and ..`,
  );
}

function toBucketName(bucket: string): string {
  if (bucketPattern.test(bucket)) return bucket;
  throw new FaasmError('bad_request', `Bad name of a bucket ${quote(bucket)}: it has 2 to 63 of a-z 0-9 . -`);
}
