/** Opening a SQLite file for one process alone, and saying what is wrong with one. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { FaasmError } from '../../proto/errors.ts';

/** The write-ahead log is cut back to this after a burst: 64 MiB. */
const logKeptBytes = 64 * 1024 * 1024;

/** Primary result codes that mean the file or the disk, not the statement, and the way out of each. */
const wayOut: Readonly<Record<number, string>> = {
  5: 'another process has it open; stop that process or use another data folder',
  6: 'another process has it open; stop that process or use another data folder',
  7: 'there is no memory left; give the host more',
  8: 'it cannot be written to; check its permissions',
  10: 'the disk failed; check the disk, then restart',
  11: 'it is damaged; restore it from a backup or move it away',
  13: 'the disk is full; free some space',
  14: 'it cannot be opened; check that the folder exists and may be written to',
  26: 'it is not a SQLite file; move it away',
};

/**
 * Write-ahead log, every commit on the disk before it is answered, and no other process beside this one.
 * @throws an error that `toStorageError` understands
 */
export function openDatabase(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true });
  const db = new DatabaseSync(file);
  try {
    db.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA journal_size_limit = ${logKeptBytes};
      BEGIN IMMEDIATE;
      COMMIT;
    `);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Makes the tables, brings those of an older release to the present format, or refuses those of a newer one.
 * @param formats what makes the first format, then what makes each further one of the one before it
 * @throws FaasmError `storage_unavailable`
 */
export function applySchema(db: DatabaseSync, file: string, formats: readonly string[]): void {
  const version = formats.length;
  const found = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (found === version) return;
  if (found > version) {
    throw new FaasmError(
      'storage_unavailable',
      `Cannot use ${file}: its format is ${found}, this release writes format ${version}; use the release that made it`,
      { details: { component: 'storage' } },
    );
  }
  const steps = formats.slice(found).join(';');
  db.exec(`BEGIN IMMEDIATE; ${steps}; PRAGMA user_version = ${version}; COMMIT`);
}

/** `storage_unavailable` naming the file and the way out for what the file or disk did; the error itself otherwise. */
export function toStorageError(thrown: unknown, file: string): FaasmError {
  if (thrown instanceof FaasmError) return thrown;
  const { errcode, errstr, code, message } = thrown as NodeJS.ErrnoException & {
    errcode?: unknown;
    errstr?: unknown;
  };
  if (typeof errcode === 'number') {
    const advice = wayOut[errcode & 0xff];
    if (advice === undefined) return FaasmError.from(thrown);
    return storageError(file, `${String(errstr)}: ${advice}`, thrown);
  }
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return storageError(file, message, thrown);
  return FaasmError.from(thrown);
}

function storageError(file: string, why: string, cause: unknown): FaasmError {
  return new FaasmError('storage_unavailable', `Cannot use ${file}: ${why}`, {
    details: { component: 'storage' },
    cause,
  });
}
