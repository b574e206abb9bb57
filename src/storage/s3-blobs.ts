/** Named bytes as objects of an S3 bucket. */
import type { S3Bucket } from '../s3/bucket.ts';
import type { BlobStore } from './blobs.ts';

/** @param place for people */
export function createS3Blobs(bucket: S3Bucket, place: string): BlobStore {
  return {
    place,
    async get(name) {
      const found = await bucket.get(name);
      return found && { bytes: found.bytes, tag: found.etag };
    },
    put: (name, bytes, expected) => bucket.put(name, bytes, expected),
    delete: (name) => bucket.delete(name),
    async list(prefix) {
      const found = await bucket.list(prefix);
      return found.map(({ key, etag, modifiedMs }) => ({ name: key, tag: etag, modifiedMs }));
    },
    async close() {},
  };
}
