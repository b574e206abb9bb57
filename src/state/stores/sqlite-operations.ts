/**
 * The global tier's tables and what is done to them, in the thread of the SQLite file.
 *
 *     value (user, key) ─▶ content, size, version          a chunk row holds 64 KiB or less of one content;
 *     upload (user, id) ─▶ content                         what its row does not hold, within the size, is zeros
 *     chunk (content, position) ─▶ bytes
 *
 * Value rows and chunk rows have checksums. All value rows are checked when the file is opened, chunks when they are read.
 * A staged upload is a content that no value has yet; its commit makes the value point to it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { FaasmError } from '../../../proto/errors.ts';
import type { StateKey, UserName } from '../../../proto/names.ts';
import { addSumFunction, damaged, sumOf } from '../../storage/checksum.ts';
import { applySchema } from '../../storage/sqlite-file.ts';
import { checkCondition } from '../core/condition.ts';
import { nameOf, showValue } from '../core/value-name.ts';
import type { ChangedValue, Piece, StoredBytes, StoredKey, StoredValue, WriteCondition } from './port.ts';
import { chunkSums, openChunks } from './sqlite-chunks.ts';

const formats = [
  `
  CREATE TABLE value (
    user TEXT NOT NULL, key TEXT NOT NULL, content INTEGER NOT NULL, size INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (user, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE upload (
    user TEXT NOT NULL, id TEXT NOT NULL, content INTEGER NOT NULL, PRIMARY KEY (user, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE chunk (
    content INTEGER NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (content, position)
  ) STRICT;
  CREATE TABLE counter (last INTEGER NOT NULL) STRICT;
  INSERT INTO counter VALUES (0)`,
  `
  ALTER TABLE value ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
  UPDATE value SET sum = record_sum(user, key, content, size, version);
  ${chunkSums}`,
];

interface Target {
  readonly user: UserName;
  readonly key: StateKey;
}

interface Conditional extends Target {
  readonly condition: WriteCondition;
}

interface Row {
  readonly content: number;
  readonly size: number;
  readonly version: number;
  readonly sum: number;
}

/** No version was ever given twice, also where a damaged row holds a wrong one. */
const startCounting = `
  UPDATE counter SET last = max(last, (SELECT coalesce(max(max(content, version)), 0) FROM value))`;

export type StateOperations = ReturnType<typeof open>;

export function open(db: DatabaseSync, file: string) {
  addSumFunction(db);
  applySchema(db, file, formats);
  const chunks = openChunks(db);
  const find = db.prepare('SELECT content, size, version, sum FROM value WHERE user = ? AND key = ?');
  const put = db.prepare(`
    INSERT INTO value (user, key, content, size, version, sum) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      content = excluded.content, size = excluded.size, version = excluded.version, sum = excluded.sum`);
  const drop = db.prepare('DELETE FROM value WHERE user = ? AND key = ?');
  const list = db.prepare(`
    SELECT user, key, content, size, version, sum FROM value WHERE user = ? AND key > ? ORDER BY key LIMIT ?`);
  const sum = db.prepare('SELECT coalesce(sum(size), 0) AS bytes FROM value WHERE user = ?');
  const count = db.prepare('UPDATE counter SET last = last + 1 RETURNING last');
  const findUpload = db.prepare('SELECT content FROM upload WHERE user = ? AND id = ?');
  const putUpload = db.prepare('INSERT INTO upload (user, id, content) VALUES (?, ?, ?)');
  const dropUpload = db.prepare('DELETE FROM upload WHERE user = ? AND id = ?');

  /** Names of values, by user, whose rows were damaged when the file was opened. */
  const suspects = new Map<UserName, Set<StateKey>>();

  const storedRow = ({ user, key }: Target): Row | undefined =>
    find.get(user, key) as unknown as Row | undefined;

  const isSound = ({ user, key }: Target, { content, size, version, sum }: Row): boolean =>
    sumOf(user, key, content, size, version) === sum;

  /** @throws FaasmError `storage_corrupt` */
  function row(target: Target): Row | undefined {
    const found = storedRow(target);
    if (found === undefined || isSound(target, found)) return found;
    throw rowDamaged(target);
  }

  /** A value that is not there may be the one whose row holds another name now. @throws FaasmError `storage_corrupt` */
  function checkMiss({ user, key }: Target): void {
    for (const other of suspects.get(user) ?? []) {
      const found = storedRow({ user, key: other });
      if (found === undefined || isSound({ user, key: other }, found)) continue;
      throw damaged(
        `There is no state ${showValue(user, key)}, and that of ${showValue(user, other)}, which may have been it,`,
        `delete ${showValue(user, other)}, or restore the state of this host from a backup`,
        { component: 'state' },
      );
    }
  }

  function putRow({ user, key }: Target, content: number, size: number, version: number): void {
    put.run(user, key, content, size, version, sumOf(user, key, content, size, version));
  }

  const next = (): number => Number(count.get()?.last);
  const uploadContent = (user: UserName, upload: string): number | undefined =>
    findUpload.get(user, upload)?.content as number | undefined;

  function write(
    target: Conditional & {
      readonly pieces: readonly Piece[];
      readonly sizeBytes?: number;
      readonly minSizeBytes?: number;
    },
  ): ChangedValue {
    const { user, key, pieces, condition, minSizeBytes = 0 } = target;
    const name = showValue(user, key);
    const isWhole = target.sizeBytes !== undefined && coversAll(pieces, target.sizeBytes);
    const found = isWhole ? replaceable(target) : row(target);
    checkCondition(found?.version, condition, nameOf(user, key));
    const version = next();
    const content = found?.content ?? version;
    const oldSize = found?.size ?? 0;
    const end = pieces.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes.length), 0);
    const sizeBytes = target.sizeBytes ?? Math.max(oldSize, end, minSizeBytes);
    if (end > sizeBytes) {
      throw new FaasmError(
        'bad_request',
        `A piece of state ${showValue(user, key)} ends at ${end}, beyond ${sizeBytes}`,
      );
    }
    if (sizeBytes < oldSize) chunks.cut(content, isWhole ? 0 : sizeBytes, name);
    for (const piece of pieces) chunks.write(content, piece, oldSize, sizeBytes, name);
    chunks.grow(content, oldSize, sizeBytes);
    putRow(target, content, sizeBytes, version);
    return { sizeBytes, version, previousVersion: found?.version };
  }

  /** What is about to be written as a whole: a damaged row counts as none, and its content is left behind. */
  function replaceable(target: Target): Row | undefined {
    const found = storedRow(target);
    return found !== undefined && isSound(target, found) ? found : undefined;
  }

  for (const { content } of db.prepare('SELECT content FROM upload').all())
    chunks.cut(Number(content), 0, '');
  db.exec(`DELETE FROM upload; ${startCounting}`);
  for (const found of db.prepare('SELECT user, key, content, size, version, sum FROM value').iterate()) {
    const one = found as unknown as Target & Row;
    if (isSound(one, one)) continue;
    suspects.set(one.user, (suspects.get(one.user) ?? new Set()).add(one.key));
  }

  return {
    write,

    get(target: Target & { readonly offset: number; readonly length: number }): StoredBytes | undefined {
      const found = row(target);
      if (found === undefined) {
        checkMiss(target);
        return undefined;
      }
      const start = Math.min(target.offset, found.size);
      const length = Math.min(target.length, found.size - start);
      const bytes = chunks.read(found.content, start, length, showValue(target.user, target.key));
      return { bytes, sizeBytes: found.size, version: found.version };
    },

    describe(target: Target): StoredValue | undefined {
      const found = row(target);
      return found && { sizeBytes: found.size, version: found.version };
    },

    append(target: Conditional & { readonly bytes: Uint8Array }): ChangedValue {
      const pieces = [{ offset: row(target)?.size ?? 0, bytes: target.bytes }];
      return write({ ...target, pieces });
    },

    delete(target: Conditional): boolean {
      const found = storedRow(target);
      checkCondition(found?.version, target.condition, nameOf(target.user, target.key));
      if (found === undefined) return false;
      if (isSound(target, found)) chunks.cut(found.content, 0, '');
      drop.run(target.user, target.key);
      return true;
    },

    list({ user, after, limit }: { user: UserName; after: string; limit: number }): readonly StoredKey[] {
      return list.all(user, after, limit).map((found) => {
        const one = found as unknown as Target & Row;
        if (!isSound(one, one)) throw rowDamaged(one);
        return { key: one.key, sizeBytes: one.size, version: one.version };
      });
    },

    usage: ({ user }: { user: UserName }): number => Number(sum.get(user)?.bytes),

    stage({ user, upload, piece }: { user: UserName; upload: string; piece: Piece }): void {
      let content = uploadContent(user, upload);
      if (content === undefined) {
        content = next();
        putUpload.run(user, upload, content);
      }
      chunks.write(content, piece, 0, Number.POSITIVE_INFINITY, `upload ${upload}`);
    },

    commit(target: Conditional & { readonly upload: string; readonly sizeBytes: number }): ChangedValue {
      const { user, key, upload, sizeBytes } = target;
      const content = uploadContent(user, upload);
      if (content === undefined) {
        throw new FaasmError(
          'not_found',
          `No upload ${upload} of user ${user}: it ended, or was never begun`,
        );
      }
      const found = replaceable(target);
      checkCondition(found?.version, target.condition, nameOf(user, key));
      if (found !== undefined) chunks.cut(found.content, 0, '');
      chunks.cut(content, sizeBytes, showValue(user, key));
      chunks.grow(content, 0, sizeBytes);
      const version = next();
      putRow(target, content, sizeBytes, version);
      dropUpload.run(user, upload);
      return { sizeBytes, version, previousVersion: found?.version };
    },

    discard({ user, upload }: { user: UserName; upload: string }): void {
      const content = uploadContent(user, upload);
      if (content === undefined) return;
      chunks.cut(content, 0, '');
      dropUpload.run(user, upload);
    },

    /** Values that were found damaged when the file was opened. */
    damagedValues: (_: null): readonly string[] =>
      [...suspects].flatMap(([user, keys]) => [...keys].map((key) => showValue(user, key))),
  };
}

function rowDamaged({ user, key }: Target): FaasmError {
  return damaged(
    `The record of state ${showValue(user, key)}`,
    'write the whole value anew, delete it, or restore the state of this host from a backup',
    { component: 'state' },
  );
}

/** One piece from the start to the end. */
function coversAll([first, ...others]: readonly Piece[], sizeBytes: number): boolean {
  if (first === undefined) return sizeBytes === 0;
  return others.length === 0 && first.offset === 0 && first.bytes.length === sizeBytes;
}
