/** What a host keeps: on its disk, in Redis, in S3, in NATS, as it is set to. */
import { join } from 'node:path';
import { begunIn } from '../src/calls/begun-marks.ts';
import { CallData } from '../src/calls/call-data.ts';
import { openSqliteCallQueue } from '../src/calls/sqlite-queue.ts';
import type { Config } from '../src/config/config.ts';
import { openDiskStore } from '../src/files/disk-store.ts';
import { openFunctionStore, ownFolder } from '../src/functions/open-store.ts';
import { UserObjects } from '../src/objects/user-objects.ts';
import type { Stores, StoresOptions } from '../src/power/host.ts';
import { connectRedis, type RedisConnection } from '../src/redis/connection.ts';
import { openS3Bucket } from '../src/s3/bucket.ts';
import { createS3Client } from '../src/s3/client.ts';
import { openStateStore } from '../src/state/stores/open-store.ts';
import { openDataFolder } from '../src/storage/data-folder.ts';
import { DiskRoom } from '../src/storage/disk-room.ts';
import { StorageWatch } from '../src/storage/storage-watch.ts';

/** @throws FaasmError when a folder cannot be written or a server cannot be reached */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { config, host, readiness, log } = options;
  const { dataFolder: data, s3 } = config;
  await openDataFolder(data);
  await using opened = new AsyncDisposableStack();
  const room = await DiskRoom.open({
    folder: data,
    onChange(why) {
      readiness.set('disk', why);
      if (why === undefined) log('storage').info('there is room on the disk again');
      else log('storage').error({ why }, 'no room on the disk');
    },
  });
  opened.defer(() => room.close());
  const storage = new StorageWatch(room, log);
  const redis = await openRedis(options);
  opened.defer(async () => redis?.close());
  const state = storage.watch({
    component: 'state',
    store: await openStateStore({
      place: config.statePlace,
      redisKeys: config.stateRedisKeys,
      dataFolder: data,
      redis,
      prefix: config.prefix,
      s3,
    }),
    grows: config.statePlace.kind === 'sqlite' ? ['write', 'append', 'stage', 'commit'] : [],
  });
  opened.defer(() => state.close());
  room.onShrink(async () => state.shrink?.());
  const damagedValues = (await state.damagedValues?.()) ?? [];
  if (damagedValues.length > 0)
    log('state').error({ values: damagedValues }, 'records of values are damaged');
  const files = storage.watch({
    component: 'files',
    store: await openDiskStore({
      root: join(data, 'files'),
      onDamaged: (file, error) => log('files').error({ file, err: error }, 'a shared file cannot be read'),
    }),
    grows: ['createDraft'],
  });
  const calls = storage.watch({
    component: 'calls',
    store: await openSqliteCallQueue(join(data, 'calls.db')),
    grows: ['enqueue'],
  });
  opened.defer(() => calls.close());
  room.onShrink(() => calls.shrink());
  const functions = storage.watch({
    component: 'functions',
    store: await openFunctionStore(config.functionsPlace ?? ownFolder(data), {
      s3,
      nats: config.nats && { ...config.nats, name: `faasm ${host} functions` },
    }),
    grows: config.functionsPlace === undefined ? ['write', 'writeModule', 'writeProto'] : [],
  });
  const begunFolder = join(data, 'begun-calls');
  const { grants, inputMaxBytes } = config;
  const objects = await openObjects(config);
  const closing = opened.move();
  return {
    state,
    functions,
    files,
    calls,
    begun: begunIn(begunFolder),
    objects,
    data: new CallData({ redis, s3, grants, inputMaxBytes }),
    folders: { contentFolder: files.contentFolder, begunFolder, codeFolder: join(data, 'code') },
    damage: () => storage.damage(),
    redis,
    close: () => closing.disposeAsync(),
  };
}

async function openObjects({ objectsPlace, s3, inputMaxBytes }: Config): Promise<UserObjects | undefined> {
  if (objectsPlace === undefined) return undefined;
  const { bucket, prefix } = objectsPlace;
  const place = await openS3Bucket(await createS3Client(s3), bucket, prefix);
  return new UserObjects(place, inputMaxBytes);
}

/** Goes on connecting while the server is away: until it is there this host is not ready. */
async function openRedis({
  config,
  host,
  readiness,
  log,
}: StoresOptions): Promise<RedisConnection | undefined> {
  if (config.redisUrl === undefined) return undefined;
  return await connectRedis({
    url: config.redisUrl,
    name: `faasm ${host}`,
    onChange(why) {
      readiness.set('redis', why);
      if (why === undefined) log('redis').info('connected');
      else log('redis').warn({ why }, 'not connected; trying again');
    },
  });
}
