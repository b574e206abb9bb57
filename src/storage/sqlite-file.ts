/** Opening a SQLite file for one process alone, and saying what is wrong with one. */
import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type ErrorCode, FaasmError } from '../../proto/errors.ts';
import { toDiskError } from './disk-error.ts';

/** The write-ahead log is cut back to this after a burst: 64 MiB. */
const logKeptBytes = 64 * 1024 * 1024;

/** Primary result codes that mean the file or the disk, not the statement, and the way out of each. */
const wayOut: Readonly<Record<number, string>> = {
  5: 'another process has it open; stop that process or use another data folder',
  6: 'another process has it open; stop that process or use another data folder',
  7: 'there is no memory left; give the host more',
  8: 'it cannot be written to; check its permissions',
  10: 'the disk failed; check the disk, then restart',
  11: 'it is damaged; restore it from a backup, or move it away',
  13: 'the disk is full; free some space',
  14: 'it cannot be opened; check that the folder exists and may be written to',
  26: 'it is damaged, or no SQLite file; restore it from a backup, or move it away',
};

/** Of these, those that say that the file holds something else than was written. */
const corruptCodes = new Set([11, 26]);

/**
 * Write-ahead log, every commit on the disk before it is answered, and no other process beside this one.
 * @throws an error that `toStorageError` understands
 */
export function openDatabase(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true });
  const db = new DatabaseSync(file);
  try {
    db.exec(`
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA journal_size_limit = ${logKeptBytes};
      PRAGMA cell_size_check = ON;
      BEGIN IMMEDIATE;
      COMMIT;
    `);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Pages of a step, each of which needs some of the room that the one before has given back. */
const shrinkPages = 256;

/** Gives back to the disk what the file does not use. One that an older release has made keeps it. */
export function shrinkDatabase(db: DatabaseSync): void {
  const unused = (): number => Number(db.prepare('PRAGMA freelist_count').get()?.freelist_count);
  let before = Number.POSITIVE_INFINITY;
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  for (let left = unused(); left > 0 && left < before; left = unused()) {
    before = left;
    db.exec(`PRAGMA incremental_vacuum(${shrinkPages}); PRAGMA wal_checkpoint(TRUNCATE)`);
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
    const why = `its format is ${found}, this release writes format ${version}; use the release that made it`;
    throw fileError('storage_unavailable', file, why);
  }
  const steps = formats.slice(found).join(';');
  db.exec(`BEGIN IMMEDIATE; ${steps}; PRAGMA user_version = ${version}; COMMIT`);
}

/**
 * `storage_unavailable` or `storage_corrupt`, with the way out, for what the file or disk did; the error itself
 * otherwise. The path is in its `place`.
 */
export function toStorageError(thrown: unknown, file: string): FaasmError {
  if (thrown instanceof FaasmError) return thrown;
  const { errcode, errstr, code } = thrown as NodeJS.ErrnoException & { errcode?: unknown; errstr?: unknown };
  if (typeof errcode === 'number') {
    const primary = errcode & 0xff;
    const advice = wayOut[primary];
    if (advice === undefined) return FaasmError.from(thrown);
    const name = corruptCodes.has(primary) ? 'storage_corrupt' : 'storage_unavailable';
    return fileError(name, file, `${String(errstr)}: ${advice}`, thrown);
  }
  // A number that no statement here writes.
  if (code === 'ERR_OUT_OF_RANGE') return fileError('storage_corrupt', file, wayOut[11]!, thrown);
  return code === undefined || code.startsWith('ERR_')
    ? FaasmError.from(thrown)
    : toDiskError(thrown, basename(file), file);
}

/** @param why with the way out */
export function fileError(code: ErrorCode, file: string, why: string, cause?: unknown): FaasmError {
  return new FaasmError(code, `Cannot use ${basename(file)}: ${why}`, {
    details: { component: 'storage' },
    cause,
    place: file,
  });
}
