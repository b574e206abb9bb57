/** Objects of one bucket, below a prefix. */
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { WriteTag } from '../storage/blobs.ts';
import { isMissing, toS3Error } from './failure.ts';
import { putParts } from './multipart.ts';

type Commands = typeof import('@aws-sdk/client-s3');

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Of its content: another content has another one. */
  readonly etag: string;
  readonly modifiedMs: number;
}

export interface ObjectBytes extends Omit<ObjectInfo, 'key'> {
  readonly bytes: Uint8Array;
}

export interface ObjectStream extends Omit<ObjectInfo, 'key'> {
  readonly stream: Readable;
}

/** In bytes. */
export interface ObjectRange {
  readonly offset: number;
  readonly length: number;
}

/** An upload that is made of parts has larger ones than this; what is smaller goes as a whole. */
export const partBytes = 16 * 1024 * 1024;

export class S3Bucket {
  readonly #client: S3Client;
  readonly #commands: Commands;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(client: S3Client, commands: Commands, bucket: string, prefix: string) {
    this.#client = client;
    this.#commands = commands;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  /** @throws FaasmError `storage_unavailable`, `range_not_satisfiable` */
  async get(key: string, range?: ObjectRange): Promise<ObjectBytes | undefined> {
    return await this.#guard(key, async () => {
      const found = await this.#open(key, range);
      return found && { ...toInfo(found), bytes: await found.Body!.transformToByteArray() };
    });
  }

  /** @throws as `get` does; the stream ends with an error when the object does not come whole */
  async open(key: string, range?: ObjectRange): Promise<ObjectStream | undefined> {
    return await this.#guard(key, async () => {
      const found = await this.#open(key, range);
      return found && { ...toInfo(found), stream: found.Body as Readable };
    });
  }

  async head(key: string): Promise<Omit<ObjectInfo, 'key'> | undefined> {
    const { HeadObjectCommand } = this.#commands;
    return await this.#guard(key, async () => {
      const found = await this.#client.send(new HeadObjectCommand(this.#at(key)));
      return toInfo(found);
    });
  }

  /**
   * @param expected the etag that it must have, null where it must not be there
   * @returns its etag @throws FaasmError `precondition_failed`, `storage_unavailable`
   */
  async put(key: string, bytes: Uint8Array, expected?: WriteTag): Promise<string> {
    const { PutObjectCommand } = this.#commands;
    return await this.#guarded(key, async () => {
      const { ETag = '' } = await this.#client.send(
        new PutObjectCommand({
          ...this.#at(key),
          Body: bytes,
          ContentLength: bytes.length,
          ...toConditions(expected),
        }),
      );
      return ETag;
    });
  }

  /** The object is there when all of the stream is; nothing is where it breaks off. */
  async putStream(key: string, stream: AsyncIterable<Uint8Array>, expected?: WriteTag): Promise<string> {
    return await this.#guarded(key, () =>
      putParts(
        {
          client: this.#client,
          commands: this.#commands,
          at: this.#at(key),
          conditions: toConditions(expected),
        },
        stream,
        partBytes,
      ),
    );
  }

  async delete(key: string): Promise<void> {
    const { DeleteObjectCommand } = this.#commands;
    await this.#guarded(key, () => this.#client.send(new DeleteObjectCommand(this.#at(key))));
  }

  /** All objects whose keys begin so, below the bucket's own prefix. */
  async list(prefix: string): Promise<ObjectInfo[]> {
    const { ListObjectsV2Command } = this.#commands;
    const all: ObjectInfo[] = [];
    await this.#guarded(prefix, async () => {
      let token: string | undefined;
      do {
        const page = await this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: this.#prefix + prefix,
            ...(token !== undefined && { ContinuationToken: token }),
          }),
        );
        for (const object of page.Contents ?? []) {
          all.push({
            key: object.Key!.slice(this.#prefix.length),
            sizeBytes: object.Size ?? 0,
            etag: object.ETag ?? '',
            modifiedMs: object.LastModified?.getTime() ?? 0,
          });
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
    });
    return all;
  }

  #open(key: string, range: ObjectRange | undefined) {
    const { GetObjectCommand } = this.#commands;
    const Range = range && { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
    return this.#client.send(new GetObjectCommand({ ...this.#at(key), ...Range }));
  }

  #at(key: string) {
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  /** Nothing where it is not there. */
  async #guard<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (thrown) {
      if (isMissing(thrown)) return undefined;
      throw toS3Error(thrown, this.#show(key));
    }
  }

  async #guarded<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw toS3Error(thrown, this.#show(key));
    }
  }

  #show(key: string): string {
    return `s3://${this.#bucket}/${this.#prefix}${key}`;
  }
}

export async function openS3Bucket(client: S3Client, bucket: string, prefix = ''): Promise<S3Bucket> {
  return new S3Bucket(client, await import('@aws-sdk/client-s3'), bucket, prefix);
}

function toConditions(expected: WriteTag): { IfMatch?: string; IfNoneMatch?: string } {
  if (expected === undefined) return {};
  return expected === null ? { IfNoneMatch: '*' } : { IfMatch: expected };
}

interface Answer {
  readonly ContentLength?: number | undefined;
  readonly ContentRange?: string | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}

function toInfo({
  ContentLength = 0,
  ContentRange,
  ETag = '',
  LastModified,
}: Answer): Omit<ObjectInfo, 'key'> {
  const whole = ContentRange?.split('/')[1];
  return {
    sizeBytes: whole === undefined ? ContentLength : Number(whole),
    etag: ETag,
    modifiedMs: LastModified?.getTime() ?? 0,
  };
}
