/** The function storage that a host is set to use, or that a command is told. */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import type { NatsBusOptions } from '../bus/nats-options.ts';
import { openS3Bucket } from '../s3/bucket.ts';
import { createS3Client, type S3Settings } from '../s3/client.ts';
import { toBucket } from '../s3/place.ts';
import type { BlobStore } from '../storage/blobs.ts';
import { openFolderBlobs } from '../storage/folder-blobs.ts';
import { createS3Blobs } from '../storage/s3-blobs.ts';
import type { FunctionStore } from './port.ts';
import { createFunctionStore } from './store.ts';

export interface FunctionStorePowers {
  readonly s3: S3Settings;
  /** Nothing where there is no NATS system. */
  readonly nats: NatsBusOptions | undefined;
}

/**
 * @param place `s3://bucket/prefix`, `nats://bucket`, `file:///path` or a path
 * @throws FaasmError `bad_request`, `storage_unavailable`
 */
export async function openFunctionStore(place: string, powers: FunctionStorePowers): Promise<FunctionStore> {
  return createFunctionStore(await openBlobs(place, powers));
}

async function openBlobs(place: string, powers: FunctionStorePowers): Promise<BlobStore> {
  const [, scheme = 'file', rest = place] = /^([a-z0-9]+):\/\/(.*)$/.exec(place) ?? [];
  switch (scheme) {
    case 's3': {
      const { bucket, prefix } = toBucket(place);
      return createS3Blobs(await openS3Bucket(await createS3Client(powers.s3), bucket, prefix), place);
    }
    case 'nats': {
      if (powers.nats === undefined) throw new FaasmError('bad_request', `${place} needs NATS_URL`);
      if (!/^[A-Za-z0-9_-]+$/.test(rest)) throw bad(place);
      const { createNatsBlobs } = await import('../storage/nats-blobs.ts');
      return createNatsBlobs(powers.nats, rest);
    }
    case 'file':
      if (place === '') throw bad(place);
      return await openFolderBlobs(toFolder(place));
    default:
      throw bad(place);
  }
}

/** @param place a path, or `file:///path` @throws FaasmError `bad_request` */
export function toFolder(place: string): string {
  if (!place.startsWith('file:')) return resolve(place);
  try {
    return fileURLToPath(place);
  } catch {
    throw bad(place);
  }
}

function bad(place: string): FaasmError {
  return new FaasmError(
    'bad_request',
    `Functions are kept in a folder, s3://bucket/prefix or nats://bucket, and not in ${quote(place)}`,
  );
}

/** Where a host keeps them that is not told a place. */
export const ownFolder = (data: string): string => join(data, 'functions');
