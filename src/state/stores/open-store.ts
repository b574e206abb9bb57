/** The global tier that a host is set to use. */
import { join } from 'node:path';
import { FaasmError } from '../../../proto/errors.ts';
import { quote } from '../../../proto/names.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { openS3Bucket } from '../../s3/bucket.ts';
import { createS3Client, type S3Settings } from '../../s3/client.ts';
import { toBucket } from '../../s3/place.ts';
import type { StateStore } from './port.ts';
import type { RedisKeyForm } from './redis-keys.ts';
import { createRedisStateStore } from './redis-store.ts';
import { openS3StateStore } from './s3-store.ts';
import { createSqliteStateStore } from './sqlite-store.ts';

export interface StateStoreSettings {
  /** FAASM_STATE */
  readonly kind: string;
  /** FAASM_STATE_REDIS_KEYS */
  readonly redisKeys: string;
  readonly dataFolder: string;
  /** Where FAASM_REDIS_URL is set. */
  readonly redis: RedisConnection | undefined;
  readonly prefix: string;
  readonly s3: S3Settings;
}

/** @throws FaasmError `bad_request` for settings that do not fit; `storage_unavailable` */
export async function openStateStore(settings: StateStoreSettings): Promise<StateStore> {
  const { kind, redis, prefix, dataFolder } = settings;
  if (kind === 'sqlite') return await createSqliteStateStore({ dataFolder });
  if (kind.startsWith('s3://')) return await openS3(kind, settings);
  if (kind !== 'redis') throw bad(`FAASM_STATE is sqlite, redis or s3://bucket/prefix, not ${quote(kind)}`);
  if (redis === undefined) throw bad('FAASM_STATE is redis, which needs FAASM_REDIS_URL');
  return createRedisStateStore({ redis, prefix, keyForm: toKeyForm(settings.redisKeys) });
}

async function openS3(place: string, { s3, dataFolder }: StateStoreSettings): Promise<StateStore> {
  const { bucket, prefix } = toBucket(place);
  return await openS3StateStore({
    bucket: await openS3Bucket(await createS3Client(s3), bucket, prefix),
    uploadsFolder: join(dataFolder, 'state-uploads'),
  });
}

function toKeyForm(text: string): RedisKeyForm {
  if (text === 'token' || text === 'founding') return text;
  throw bad(`FAASM_STATE_REDIS_KEYS is token or founding, not ${quote(text)}`);
}

function bad(message: string): FaasmError {
  return new FaasmError('bad_request', message);
}
