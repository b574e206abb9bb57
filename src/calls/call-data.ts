/** Input and output of calls that are elsewhere: in Redis, or in an S3-compatible store. */
import { FaasmError } from '../../proto/errors.ts';
import type { UserName } from '../../proto/names.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { openS3Bucket, type S3Bucket } from '../s3/bucket.ts';
import { createS3Client, type S3Settings } from '../s3/client.ts';
import { checkGrant, type Grants } from './grants.ts';
import { type Place, showPlace } from './place.ts';

export interface CallDataOptions {
  /** Nothing where the host has no Redis. */
  readonly redis: RedisConnection | undefined;
  readonly s3: S3Settings;
  readonly grants: Grants;
  readonly inputMaxBytes: number;
}

export class CallData {
  readonly #options: CallDataOptions;
  #client: ReturnType<typeof createS3Client> | undefined;

  constructor(options: CallDataOptions) {
    this.#options = options;
  }

  /** @throws FaasmError `forbidden`, `not_found`, `too_large`, `storage_unavailable` */
  async read(user: UserName, place: Exclude<Place, { kind: 'inline' }>): Promise<Uint8Array> {
    checkGrant(this.#options.grants, user, showPlace(place));
    const found = place.kind === 'redis' ? await this.#readRedis(place.key) : await this.#readS3(place);
    if (found !== undefined) return found;
    throw new FaasmError('not_found', `The input ${showPlace(place)} is not there`);
  }

  /** It appears when all of it is there. @throws FaasmError `storage_unavailable` */
  async write(user: UserName, place: Exclude<Place, { kind: 'inline' }>, bytes: Uint8Array): Promise<void> {
    this.check(user, place);
    if (place.kind === 's3') {
      const bucket = await this.#bucket(place.bucket);
      await bucket.putStream(place.key, pieces(bytes));
      return;
    }
    const buffer = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
    await this.#redis(place.key).run((client) => client.set(place.key, buffer));
  }

  /** Before a call is run in vain. @throws FaasmError `forbidden`, `bad_request` */
  check(user: UserName, place: Exclude<Place, { kind: 'inline' }>): void {
    checkGrant(this.#options.grants, user, showPlace(place));
    if (place.kind === 'redis') this.#redis(place.key);
  }

  async #readRedis(key: string): Promise<Uint8Array | undefined> {
    return await this.#redis(key).run(async (client) => {
      const sizeBytes = await client.strlen(key);
      this.#checkSize(`redis:${key}`, sizeBytes);
      return (await client.getBuffer(key)) ?? undefined;
    });
  }

  async #readS3({ bucket, key }: { readonly bucket: string; readonly key: string }) {
    const found = await (await this.#bucket(bucket)).open(key);
    if (found === undefined) return undefined;
    const { stream, sizeBytes } = found;
    try {
      this.#checkSize(`s3://${bucket}/${key}`, sizeBytes);
      // An executor reads it where it is, while a buffer that is not shared would be copied to it.
      const bytes = new Uint8Array(new SharedArrayBuffer(sizeBytes));
      let at = 0;
      for await (const piece of stream as AsyncIterable<Uint8Array>) {
        bytes.set(piece, at);
        at += piece.length;
      }
      return bytes;
    } catch (cause) {
      if (cause instanceof FaasmError) throw cause;
      const why = `The input s3://${bucket}/${key} broke off: ${(cause as Error).message}`;
      throw new FaasmError('storage_unavailable', why, { cause });
    } finally {
      stream.destroy();
    }
  }

  #checkSize(what: string, sizeBytes: number): void {
    const { inputMaxBytes } = this.#options;
    if (sizeBytes <= inputMaxBytes) return;
    throw new FaasmError(
      'too_large',
      `The input ${what} has ${sizeBytes} bytes and may have ${inputMaxBytes}; raise FAASM_INPUT_MAX_BYTES`,
    );
  }

  #redis(key: string): RedisConnection {
    const { redis } = this.#options;
    if (redis !== undefined) return redis;
    throw new FaasmError('bad_request', `redis:${key} cannot be used: this host has no FAASM_REDIS_URL`);
  }

  async #bucket(name: string): Promise<S3Bucket> {
    this.#client ??= createS3Client(this.#options.s3);
    return await openS3Bucket(await this.#client, name);
  }
}

/** A large output goes in parts. */
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
