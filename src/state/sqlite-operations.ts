/**
 * The global tier's tables and what is done to them, in the thread of the SQLite file.
 *
 *     value (user, key) ─▶ content, size, version          a chunk row holds 64 KiB or less of one content;
 *     upload (user, id) ─▶ content                         what its row does not hold, within the size, is zeros
 *     chunk (content, position) ─▶ bytes
 *
 * A staged upload is a content that no value has yet; its commit makes the value point to it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { FaasmError } from '../../proto/errors.ts';
import type { StateKey, UserName } from '../../proto/names.ts';
import { applySchema } from '../storage/sqlite-file.ts';
import { checkCondition } from './condition.ts';
import type { ChangedValue, Piece, StoredBytes, StoredKey, StoredValue, WriteCondition } from './port.ts';
import { openChunks } from './sqlite-chunks.ts';
import { nameOf, showValue } from './value-name.ts';

const schema = `
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
  INSERT INTO counter VALUES (0)
`;

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
}

export type StateOperations = ReturnType<typeof open>;

export function open(db: DatabaseSync, file: string) {
  applySchema(db, file, [schema]);
  const chunks = openChunks(db);
  const find = db.prepare('SELECT content, size, version FROM value WHERE user = ? AND key = ?');
  const put = db.prepare(`
    INSERT INTO value (user, key, content, size, version) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET content = excluded.content, size = excluded.size, version = excluded.version`);
  const drop = db.prepare('DELETE FROM value WHERE user = ? AND key = ?');
  const list = db.prepare(`
    SELECT key, size AS sizeBytes, version FROM value WHERE user = ? AND key > ? ORDER BY key LIMIT ?`);
  const sum = db.prepare('SELECT coalesce(sum(size), 0) AS bytes FROM value WHERE user = ?');
  const count = db.prepare('UPDATE counter SET last = last + 1 RETURNING last');
  const findUpload = db.prepare('SELECT content FROM upload WHERE user = ? AND id = ?');
  const putUpload = db.prepare('INSERT INTO upload (user, id, content) VALUES (?, ?, ?)');
  const dropUpload = db.prepare('DELETE FROM upload WHERE user = ? AND id = ?');

  const row = ({ user, key }: Target): Row | undefined => find.get(user, key) as unknown as Row | undefined;
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
    const found = row(target);
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
    if (sizeBytes < oldSize) chunks.cut(content, sizeBytes);
    for (const piece of pieces) chunks.write(content, piece, sizeBytes);
    put.run(user, key, content, sizeBytes, version);
    return { sizeBytes, version, previousVersion: found?.version };
  }

  for (const { content } of db.prepare('SELECT content FROM upload').all()) chunks.cut(Number(content), 0);
  db.exec('DELETE FROM upload');

  return {
    write,

    get(target: Target & { readonly offset: number; readonly length: number }): StoredBytes | undefined {
      const found = row(target);
      if (found === undefined) return undefined;
      const start = Math.min(target.offset, found.size);
      const bytes = chunks.read(found.content, start, Math.min(target.length, found.size - start));
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
      const found = row(target);
      checkCondition(found?.version, target.condition, nameOf(target.user, target.key));
      if (found === undefined) return false;
      chunks.cut(found.content, 0);
      drop.run(target.user, target.key);
      return true;
    },

    list({ user, after, limit }: { user: UserName; after: string; limit: number }): readonly StoredKey[] {
      return list.all(user, after, limit) as unknown as StoredKey[];
    },

    usage: ({ user }: { user: UserName }): number => Number(sum.get(user)?.bytes),

    stage({ user, upload, piece }: { user: UserName; upload: string; piece: Piece }): void {
      let content = uploadContent(user, upload);
      if (content === undefined) {
        content = next();
        putUpload.run(user, upload, content);
      }
      chunks.write(content, piece, Number.POSITIVE_INFINITY);
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
      const found = row(target);
      checkCondition(found?.version, target.condition, nameOf(user, key));
      if (found !== undefined) chunks.cut(found.content, 0);
      chunks.cut(content, sizeBytes);
      const version = next();
      put.run(user, key, content, sizeBytes, version);
      dropUpload.run(user, upload);
      return { sizeBytes, version, previousVersion: found?.version };
    },

    discard({ user, upload }: { user: UserName; upload: string }): void {
      const content = uploadContent(user, upload);
      if (content === undefined) return;
      chunks.cut(content, 0);
      dropUpload.run(user, upload);
    },
  };
}
