/**
 * The global tier in Redis, which many hosts share. What is answered is as durable as that server makes it: with its
 * `appendonly yes` and `appendfsync always` it is on the disk.
 */
import { randomUUID } from 'node:crypto';
import { FaasmError } from '../../../proto/errors.ts';
import { fromStateToken, type StateKey, type UserName } from '../../../proto/names.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { checkCondition, lockLost, unconditional } from '../core/condition.ts';
import { joinRanges } from '../core/ranges.ts';
import { nameOf, showValue } from '../core/value-name.ts';
import type {
  ByteRange,
  ChangedValue,
  Piece,
  StateStore,
  StoredBytes,
  StoredKey,
  StoredValue,
  ValueChange,
  ValueChanges,
  WriteCondition,
} from './port.ts';
import { type RedisKeyForm, RedisKeys } from './redis-keys.ts';
import { createRedisLocks } from './redis-locks.ts';
import {
  changesScript,
  commitScript,
  deleteScript,
  discardScript,
  listScript,
  readScript,
  stageScript,
  writeScript,
} from './redis-scripts.ts';

export interface RedisStateStoreOptions {
  readonly redis: RedisConnection;
  /** What every key begins with. */
  readonly prefix: string;
  readonly keyForm: RedisKeyForm;
  /** Of one Redis string. @default 512 MiB, the most that it can have */
  readonly segmentBytes?: number;
}

const redisStringMaxBytes = 512 * 1024 * 1024;
/** A staged upload that nobody adds to. */
const uploadKeptMs = 3_600_000;

type Argument = string | number | Buffer;

export function createRedisStateStore(options: RedisStateStoreOptions): StateStore {
  const { redis, prefix, keyForm, segmentBytes = redisStringMaxBytes } = options;
  const keys = new RedisKeys(prefix, keyForm);
  const instance = randomUUID();
  const watching: RedisConnection[] = [];

  function run(
    script: string,
    user: UserName,
    key: StateKey,
    args: readonly Argument[],
    upload?: string,
  ): Promise<unknown> {
    const all = [
      ...keys.ofValue(user, key),
      ...(upload === undefined ? [] : [keys.upload(instance, user, upload)]),
    ];
    return redis.run((client) =>
      client.callBuffer(
        'EVAL',
        script,
        all.length,
        ...all,
        key,
        user,
        segmentBytes,
        keys.channel,
        instance,
        ...args,
      ),
    );
  }

  async function write(
    user: UserName,
    key: StateKey,
    args: readonly Argument[],
    condition: WriteCondition,
  ): Promise<ChangedValue> {
    const answer = await run(writeScript, user, key, [...toArguments(condition), ...args]);
    return toChangedValue(answer, condition, nameOf(user, key));
  }

  function checkSize(user: UserName, key: StateKey, sizeBytes: number): void {
    if (keyForm === 'token' || sizeBytes <= segmentBytes) return;
    throw new FaasmError(
      'too_large',
      `State ${showValue(user, key)} would have ${sizeBytes} bytes; under a founding key Redis holds ${segmentBytes}`,
    );
  }

  return {
    exclusive: false,
    immutable: false,
    locks: createRedisLocks(redis, prefix),

    async get(user, key, offset = 0, length = Number.MAX_SAFE_INTEGER) {
      return toStoredBytes(await run(readScript, user, key, [offset, length]));
    },

    async describe(user, key) {
      const found = toStoredBytes(await run(readScript, user, key, [0, 0]));
      return found && { sizeBytes: found.sizeBytes, version: found.version };
    },

    async write(user, key, change, condition = unconditional) {
      checkSize(user, key, endOf(change));
      const { pieces, sizeBytes = '', minSizeBytes = '' } = change;
      const args = [sizeBytes, minSizeBytes, toRangesText(pieces), ...pieces.flatMap(toPieceArguments)];
      return await write(user, key, args, condition);
    },

    async append(user, key, bytes, condition = unconditional) {
      return await write(user, key, ['', '', '', 'end', toBuffer(bytes)], condition);
    },

    async changesSince(user, key, version) {
      return toValueChanges(await run(changesScript, user, key, [version]));
    },

    async delete(user, key, condition = unconditional) {
      const [done, version] = (await run(deleteScript, user, key, toArguments(condition))) as [
        number,
        number,
      ];
      if (done === 3) throw lockLost(nameOf(user, key));
      if (done === 0) refuse(version, condition, nameOf(user, key));
      return version >= 0;
    },

    async list(user, after, limit) {
      const form = keyForm === 'founding' ? 'raw' : 'token';
      const args = [after ?? '', limit, keys.valuePrefix(user), form];
      return toStoredKeys(await run(listScript, user, '' as StateKey, args));
    },

    async usage(user) {
      return Math.max(0, Number((await redis.run((client) => client.hget(keys.usage(), user))) ?? 0));
    },

    async stage(user, upload, { offset, bytes }) {
      checkSize(user, upload as StateKey, offset + bytes.length);
      await run(stageScript, user, '' as StateKey, [uploadKeptMs, offset, toBuffer(bytes)], upload);
    },

    async commit(user, key, upload, sizeBytes, condition = unconditional) {
      checkSize(user, key, sizeBytes);
      const answer = await run(commitScript, user, key, [...toArguments(condition), sizeBytes], upload);
      return toChangedValue(answer, condition, nameOf(user, key));
    },

    async discard(user, upload) {
      await run(discardScript, user, '' as StateKey, [], upload);
    },

    async watch({ changed, missed }) {
      const heard = await redis.another({ name: 'faasm state changes', blocking: true, onChange: () => {} });
      const onMessage = (text: string): void => {
        const [origin, name] = text.split(' ');
        if (origin !== instance && name !== undefined) changed(name);
      };
      heard.subscribe(keys.channel, onMessage, missed);
      watching.push(heard);
    },

    async close() {
      for (const connection of watching) connection.close();
    },
  };
}

function toArguments({ expectVersion, ifAbsent, fence }: WriteCondition): Argument[] {
  return [expectVersion ?? '', ifAbsent === true ? 1 : 0, fence ?? ''];
}

function toPieceArguments({ offset, bytes }: Piece): Argument[] {
  return [offset, toBuffer(bytes)];
}

/** The same memory. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

/** The log of changes has a few ranges of each, which may cover more than was changed. */
const loggedRangesMax = 64;

function toRangesText(pieces: readonly Piece[]): string {
  let ranges: readonly ByteRange[] = pieces.map(({ offset, bytes }) => ({ offset, length: bytes.length }));
  for (let gap = 512; ranges.length > loggedRangesMax; gap *= 2) ranges = joinRanges(ranges, gap);
  return ranges.map(({ offset, length }) => `${offset}-${length}`).join(',');
}

function endOf({ pieces, sizeBytes = 0, minSizeBytes = 0 }: ValueChange): number {
  const end = pieces.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes.length), 0);
  return Math.max(sizeBytes, minSizeBytes, end);
}

/** Answers of the scripts: see there. */
function toChangedValue(answer: unknown, condition: WriteCondition, name: string): ChangedValue {
  const [done, version, sizeBytes, previous] = answer as [number, number, number, number];
  if (done === 2)
    throw new FaasmError('not_found', `No upload for state ${name}: it was committed or forgotten`);
  if (done === 3) throw lockLost(name);
  if (done === 0) refuse(version, condition, name);
  return { version, sizeBytes, previousVersion: previous < 0 ? undefined : previous };
}

function refuse(version: number, condition: WriteCondition, name: string): never {
  checkCondition(version < 0 ? undefined : version, condition, name);
  throw new FaasmError('internal', `Redis refused a change of state ${name} that meets its condition`);
}

function toStoredBytes(answer: unknown): StoredBytes | undefined {
  if (answer === null) return undefined;
  const [version, sizeBytes, bytes] = answer as [number, number, Buffer];
  return { version, sizeBytes, bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) };
}

function toValueChanges(answer: unknown): ValueChanges | undefined {
  if (answer === null) return undefined;
  const [version, sizeBytes, found] = answer as [number, number, Buffer];
  const text = found.toString();
  return { version, sizeBytes, ranges: text === 'all' ? [{ offset: 0, length: sizeBytes }] : toRanges(text) };
}

function toRanges(text: string): ByteRange[] {
  if (text === '') return [];
  return text.split(',').map((range) => {
    const [offset, length] = range.split('-').map(Number);
    return { offset: offset!, length: length! };
  });
}

function toStoredKeys(answer: unknown): StoredKey[] {
  const fields = answer as (Buffer | number)[];
  const found: StoredKey[] = [];
  for (let at = 0; at < fields.length; at += 3) {
    const value: StoredValue = { sizeBytes: fields[at + 1] as number, version: fields[at + 2] as number };
    found.push({ key: fromStateToken(fields[at]!.toString()), ...value });
  }
  return found;
}
