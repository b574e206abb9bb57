/**
 * The global tier in an S3-compatible store, for values that are written once: a value is one object, and a second
 * write of it is refused. What was read is kept without asking again. Uploads are staged in a folder of this host.
 *
 * A version is the time of the object in seconds, with a part of its etag behind it.
 */
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { FaasmError } from '../../../proto/errors.ts';
import { fromStateToken, type StateKey, type UserName } from '../../../proto/names.ts';
import { makeFolder } from '../../make-folder.ts';
import type { ObjectInfo, S3Bucket } from '../../s3/bucket.ts';
import { checkCondition } from '../core/condition.ts';
import { nameOf, showValue } from '../core/value-name.ts';
import type { ChangedValue, Piece, StateStore, StoredValue, ValueChange, WriteCondition } from './port.ts';

export interface S3StateStoreOptions {
  readonly bucket: S3Bucket;
  /** Of this host alone: its contents go at the start and at the end. */
  readonly uploadsFolder: string;
}

const knownMax = 10_000;
const etagDigits = 1_000_000;

export async function openS3StateStore({ bucket, uploadsFolder }: S3StateStoreOptions): Promise<StateStore> {
  const known = new LRUCache<string, StoredValue>({ max: knownMax });
  const keyOf = (user: UserName, key: StateKey): string => `${user}/${key}`;
  const fileOf = (user: UserName, upload: string): string =>
    join(uploadsFolder, `${user}-${Buffer.from(upload).toString('hex')}`);
  await rm(uploadsFolder, { recursive: true, force: true });
  await makeFolder(uploadsFolder);

  async function describe(user: UserName, key: StateKey): Promise<StoredValue | undefined> {
    const found = await bucket.head(keyOf(user, key));
    const stored = found && toStored(found);
    if (stored === undefined) known.delete(nameOf(user, key));
    else known.set(nameOf(user, key), stored);
    return stored;
  }

  async function create(
    user: UserName,
    key: StateKey,
    condition: WriteCondition | undefined,
    content: () => AsyncIterable<Uint8Array>,
  ): Promise<ChangedValue> {
    const before = await describe(user, key);
    if (condition !== undefined) checkCondition(before?.version, condition, nameOf(user, key));
    if (before !== undefined) throw immutable(user, key);
    try {
      await bucket.putStream(keyOf(user, key), content(), null);
    } catch (error) {
      if (error instanceof FaasmError && error.code === 'precondition_failed') throw immutable(user, key);
      throw error;
    }
    const stored = await describe(user, key);
    if (stored === undefined)
      throw new FaasmError('storage_unavailable', `State ${showValue(user, key)} is gone again`);
    return { ...stored, previousVersion: undefined };
  }

  return {
    exclusive: false,
    immutable: true,
    locks: undefined,
    describe,

    async get(user, key, offset = 0, length = Number.MAX_SAFE_INTEGER) {
      const stored = known.get(nameOf(user, key)) ?? (await describe(user, key));
      if (stored === undefined) return undefined;
      const wanted = Math.min(length, stored.sizeBytes - offset);
      if (wanted <= 0) return { ...stored, bytes: new Uint8Array(0) };
      const found = await bucket.get(keyOf(user, key), { offset, length: wanted });
      if (found === undefined) {
        known.delete(nameOf(user, key));
        return undefined;
      }
      return { ...toStored(found), bytes: found.bytes };
    },

    write: (user, key, change, condition) => create(user, key, condition, () => contentOf(change)),

    append: (user, key, bytes, condition) =>
      create(user, key, condition, () => contentOf({ pieces: [{ offset: 0, bytes: bytes.slice() }] })),

    async changesSince(user, key, version) {
      const stored = known.get(nameOf(user, key)) ?? (await describe(user, key));
      if (stored === undefined) return undefined;
      const ranges = stored.version === version ? [] : [{ offset: 0, length: stored.sizeBytes }];
      return { ...stored, ranges };
    },

    async delete(user, key, condition) {
      const before = await describe(user, key);
      if (condition !== undefined) checkCondition(before?.version, condition, nameOf(user, key));
      if (before === undefined) return false;
      await bucket.delete(keyOf(user, key));
      known.delete(nameOf(user, key));
      return true;
    },

    async list(user, after, limit) {
      const found = (await bucket.list(`${user}/`))
        .map((info) => ({ ...toStored(info), key: fromStateToken(info.key.slice(user.length + 1)) }))
        .sort((left, right) => (left.key < right.key ? -1 : 1));
      return found.filter(({ key }) => after === undefined || key > after).slice(0, limit);
    },

    async usage(user) {
      return (await bucket.list(`${user}/`)).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    },

    stage: (user, upload, piece) => writeAt(fileOf(user, upload), { ...piece, bytes: piece.bytes.slice() }),

    async commit(user, key, upload, sizeBytes, condition) {
      const file = fileOf(user, upload);
      await setSize(file, sizeBytes, upload);
      const committed = await create(user, key, condition, () => createReadStream(file));
      await rm(file, { force: true });
      return committed;
    },

    async discard(user, upload) {
      await rm(fileOf(user, upload), { force: true });
    },

    async watch() {},

    async close() {
      await rm(uploadsFolder, { recursive: true, force: true });
    },
  };
}

function immutable(user: UserName, key: StateKey): FaasmError {
  return new FaasmError(
    'conflict',
    `State ${showValue(user, key)} is immutable, as all state in S3 is, and cannot be changed; use another key, or delete it first`,
    { details: { component: 'state' } },
  );
}

function toStored({ sizeBytes, etag, modifiedMs }: Omit<ObjectInfo, 'key'>): StoredValue {
  const digits = Number.parseInt(etag.replaceAll(/[^0-9a-f]/gi, '').slice(0, 8) || '0', 16) % etagDigits;
  return { sizeBytes, version: Math.floor(modifiedMs / 1000) * etagDigits + digits };
}

/** What a change makes of nothing. */
async function* contentOf({ pieces, sizeBytes, minSizeBytes = 0 }: ValueChange): AsyncGenerator<Uint8Array> {
  const end = pieces.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes.length), minSizeBytes);
  let at = 0;
  for (const { offset, bytes } of pieces.toSorted((left, right) => left.offset - right.offset)) {
    if (offset > at) yield new Uint8Array(offset - at);
    yield bytes;
    at = offset + bytes.length;
  }
  const size = sizeBytes ?? end;
  if (size > at) yield new Uint8Array(size - at);
}

async function writeAt(path: string, { offset, bytes }: Piece): Promise<void> {
  const file = await open(path, 'r+').catch(() => open(path, 'w+'));
  try {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at, offset + at);
      at += bytesWritten;
    }
  } catch (cause) {
    const text = (cause as Error).message;
    throw new FaasmError('storage_unavailable', `Cannot stage state at ${path}: ${text}`, { cause });
  } finally {
    await file.close();
  }
}

async function setSize(path: string, sizeBytes: number, upload: string): Promise<void> {
  const file = await open(path, 'r+').catch((cause: unknown) => {
    throw new FaasmError('not_found', `No upload ${upload}: it ended, or was never begun`, { cause });
  });
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}
