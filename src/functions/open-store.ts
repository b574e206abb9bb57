/** The function storage that a host is set to use, or that a command is told. */
import { join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import type { NatsBusOptions } from '../bus/nats-options.ts';
import { openS3Bucket } from '../s3/bucket.ts';
import { createS3Client, type S3Settings } from '../s3/client.ts';
import type { BlobStore } from '../storage/blobs.ts';
import { openFolderBlobs } from '../storage/folder-blobs.ts';
import { type FunctionsPlace, showPlace } from '../storage/place.ts';
import { createS3Blobs } from '../storage/s3-blobs.ts';
import type { FunctionStore } from './port.ts';
import { createFunctionStore } from './store.ts';

export interface FunctionStorePowers {
  readonly s3: S3Settings;
  /** Nothing where there is no NATS system. */
  readonly nats: NatsBusOptions | undefined;
}

/** @throws FaasmError `bad_request`, `storage_unavailable` */
export async function openFunctionStore(
  place: FunctionsPlace,
  powers: FunctionStorePowers,
): Promise<FunctionStore> {
  return createFunctionStore(await openBlobs(place, powers));
}

async function openBlobs(place: FunctionsPlace, powers: FunctionStorePowers): Promise<BlobStore> {
  switch (place.kind) {
    case 's3': {
      const bucket = await openS3Bucket(await createS3Client(powers.s3), place.bucket, place.prefix);
      return createS3Blobs(bucket, showPlace(place));
    }
    case 'nats': {
      if (powers.nats === undefined)
        throw new FaasmError('bad_request', `${showPlace(place)} needs NATS_URL`);
      const { createNatsBlobs } = await import('../storage/nats-blobs.ts');
      return createNatsBlobs(powers.nats, place.bucket);
    }
    case 'folder':
      return await openFolderBlobs(place.path);
  }
}

/** Where a host keeps them that is not told a place. */
export const ownFolder = (data: string): FunctionsPlace => ({
  kind: 'folder',
  path: join(data, 'functions'),
});
