/** The global tier that a host is set to use. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { RedisConnection } from '../../redis/connection.ts';
import { openS3Bucket } from '../../s3/bucket.ts';
import { createS3Client, type S3Settings } from '../../s3/client.ts';
import type { S3Place, StorePlace } from '../../storage/place.ts';
import type { StateStore } from './port.ts';
import type { RedisKeyForm } from './redis-keys.ts';
import { createRedisStateStore } from './redis-store.ts';
import { openS3StateStore } from './s3-store.ts';
import { createSqliteStateStore } from './sqlite-store.ts';

export interface StateStoreSettings {
  readonly place: Extract<StorePlace, { kind: 'sqlite' | 'redis' | 's3' }>;
  readonly redisKeys: RedisKeyForm;
  readonly dataFolder: string;
  /** There, where the place is in it. */
  readonly redis: RedisConnection | undefined;
  readonly prefix: string;
  readonly s3: S3Settings;
}

/** @throws FaasmError `storage_unavailable` */
export async function openStateStore(settings: StateStoreSettings): Promise<StateStore> {
  const { place, redis, redisKeys: keyForm, prefix, dataFolder } = settings;
  switch (place.kind) {
    case 'sqlite':
      return await createSqliteStateStore({ dataFolder });
    case 's3':
      return await openS3(place, settings);
    case 'redis':
      assert(redis !== undefined, 'state in Redis needs a connection to it');
      return createRedisStateStore({ redis, prefix, keyForm });
  }
}

async function openS3(
  { bucket, prefix }: S3Place,
  { s3, dataFolder }: StateStoreSettings,
): Promise<StateStore> {
  return await openS3StateStore({
    bucket: await openS3Bucket(await createS3Client(s3), bucket, prefix),
    uploadsFolder: join(dataFolder, 'state-uploads'),
  });
}
