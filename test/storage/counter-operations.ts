/** Operations for tests of the SQLite thread: named numbers. */
import type { DatabaseSync } from 'node:sqlite';
import { FaasmError } from '../../proto/errors.ts';
import { applySchema } from '../../src/storage/sqlite-file.ts';

export type CounterOperations = ReturnType<typeof open>;

export function open(db: DatabaseSync, file: string) {
  applySchema(db, file, ['CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER, filler BLOB) STRICT']);
  const put = db.prepare(
    'INSERT INTO number VALUES (?, ?, NULL) ON CONFLICT DO UPDATE SET value = excluded.value',
  );
  const fill = db.prepare('INSERT INTO number VALUES (?, 0, zeroblob(?))');
  const all = db.prepare('SELECT name, value FROM number ORDER BY name');
  return {
    put({ name, value, fail = false }: { name: string; value: number; fail?: boolean }): void {
      put.run(name, value);
      if (fail) throw new FaasmError('conflict', `${name} fails`, { details: { retryAfterMs: 7 } });
    },
    fill({ name, byteLength }: { name: string; byteLength: number }): void {
      fill.run(name, byteLength);
    },
    limitPages(pages: number): void {
      db.exec(`PRAGMA max_page_count = ${pages}`);
    },
    all: (_: null): Record<string, number> =>
      Object.fromEntries(all.all().map(({ name, value }) => [String(name), Number(value)])),
    violate(_: null): void {
      db.exec("INSERT INTO number VALUES ('twice', 0, NULL), ('twice', 0, NULL)");
    },
    crash(_: null): void {
      process.nextTick(() => {
        throw new Error('out of the blue');
      });
    },
  };
}
