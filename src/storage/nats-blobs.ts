/** Named bytes in an object store of NATS JetStream. */
import { setTimeout as delay } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import { connect, type NatsConnection } from 'nats';
import { FaasmError } from '../../proto/errors.ts';
import { type NatsBusOptions, toConnectError, toConnectionOptions } from '../bus/nats-options.ts';
import type { BlobStore, WriteTag } from './blobs.ts';

const requestTimeoutMs = 10_000;
const pieceTimeoutMs = 1000;
/** A read of an object that is replaced meanwhile finds some of its pieces gone, and begins again. */
const readTries = 5;

interface Opened {
  readonly connection: NatsConnection;
  readonly store: ObjectStore;
}

/** The bucket is made where there is none. A connection is opened when it is first needed. */
export function createNatsBlobs(options: NatsBusOptions, bucket: string): BlobStore {
  const place = `nats://${bucket}`;
  let opening: Promise<Opened> | undefined;

  async function open(): Promise<Opened> {
    const settings = await toConnectionOptions(options);
    const connection = await connect(settings).catch((cause: unknown) => {
      throw toConnectError(cause, options.url);
    });
    try {
      const stores = new Objm(jetstream(connection, { timeout: requestTimeoutMs }));
      // Of hosts that make one bucket at once, one does, and the others are told that its subjects are taken.
      const store = await stores.create(bucket).catch(() => stores.create(bucket));
      return { connection, store };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async function run<T>(name: string, work: (store: ObjectStore) => Promise<T>): Promise<T> {
    try {
      opening ??= open();
      return await work((await opening).store);
    } catch (cause) {
      const opened = await opening?.catch(() => undefined);
      if (opened === undefined) opening = undefined;
      if (cause instanceof FaasmError && cause.code === 'precondition_failed') throw cause;
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new FaasmError('storage_unavailable', `NATS object store ${place}/${name}: ${text}`, { cause });
    }
  }

  return {
    place,

    async get(name) {
      return await run(name, async (store) => {
        for (let tries = 1; ; tries++) {
          const info = await store.info(name);
          if (info === null || info.deleted) return undefined;
          const bytes = await readObject(store, name).catch((error: unknown) => {
            if (tries === readTries) throw error;
            return null;
          });
          const after = await store.info(name);
          if (bytes !== null && after?.nuid === info.nuid) return { bytes, tag: info.nuid };
          if (tries === readTries) throw new Error('it is replaced again and again');
        }
      });
    },

    async put(name, bytes, expected) {
      return await run(name, async (store) => {
        const previousRevision = await toRevision(store, name, expected);
        try {
          const { nuid } = await store.putBlob({ name }, bytes, {
            timeout: requestTimeoutMs,
            ...(previousRevision !== undefined && { previousRevision }),
          });
          return nuid;
        } catch (error) {
          if (previousRevision !== undefined && isWrongSequence(error)) throw changed(place, name);
          throw error;
        }
      });
    },

    async delete(name) {
      await run(name, async (store) => {
        const info = await store.info(name);
        if (info !== null && !info.deleted) await store.delete(name);
      });
    },

    async list(prefix) {
      const all = await run(prefix, (store) => store.list());
      return all
        .filter(({ name, deleted }) => !deleted && name.startsWith(prefix))
        .map(({ name, nuid, mtime }) => ({
          name,
          tag: nuid,
          modifiedMs: Date.parse(mtime) || 0,
        }));
    },

    async close() {
      const opened = await opening?.catch(() => undefined);
      await opened?.connection.close();
    },
  };
}

/** Pieces that were purged since, as another host has replaced the object, never come. */
async function readObject(store: ObjectStore, name: string): Promise<Uint8Array | null> {
  const found = await store.get(name);
  if (found === null) return null;
  const reader = found.data.getReader();
  const pieces: Uint8Array[] = [];
  for (;;) {
    const late = new AbortController();
    const stalled = delay(pieceTimeoutMs, undefined, { signal: late.signal }).catch(() => undefined);
    const next = await Promise.race([reader.read(), stalled]);
    late.abort();
    if (next === undefined) {
      void reader.cancel().catch(() => {});
      throw new Error(`no piece of it came for ${pieceTimeoutMs} ms`);
    }
    if (next.done) break;
    pieces.push(next.value);
  }
  const failure = await found.error;
  if (failure instanceof Error) throw failure;
  return Buffer.concat(pieces);
}

/** The revision that has the expected tag; what was deleted has left one behind. */
async function toRevision(store: ObjectStore, name: string, expected: WriteTag): Promise<number | undefined> {
  if (expected === undefined) return undefined;
  const info = await store.info(name);
  const tag = info === null || info.deleted ? null : info.nuid;
  if (tag === expected) return info?.revision ?? 0;
  throw changed('nats:', name);
}

function isWrongSequence(error: unknown): boolean {
  return error instanceof Error && /wrong last sequence/i.test(error.message);
}

function changed(place: string, name: string): FaasmError {
  return new FaasmError('precondition_failed', `${place}/${name} was changed meanwhile, or is there already`);
}
