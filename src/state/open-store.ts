/** The global tier that a host is set to use. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { StateStore } from './port.ts';
import type { RedisKeyForm } from './redis-keys.ts';
import { createRedisStateStore } from './redis-store.ts';
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
}

/** @throws FaasmError `bad_request` for settings that do not fit; `storage_unavailable` */
export async function openStateStore(settings: StateStoreSettings): Promise<StateStore> {
  const { kind, redis, prefix, dataFolder } = settings;
  if (kind === 'sqlite') return await createSqliteStateStore({ dataFolder });
  if (kind !== 'redis') throw bad(`FAASM_STATE is sqlite or redis, not ${quote(kind)}`);
  if (redis === undefined) throw bad('FAASM_STATE is redis, which needs FAASM_REDIS_URL');
  return createRedisStateStore({ redis, prefix, keyForm: toKeyForm(settings.redisKeys) });
}

function toKeyForm(text: string): RedisKeyForm {
  if (text === 'token' || text === 'founding') return text;
  throw bad(`FAASM_STATE_REDIS_KEYS is token or founding, not ${quote(text)}`);
}

function bad(message: string): FaasmError {
  return new FaasmError('bad_request', message);
}
