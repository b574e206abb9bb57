/**
 * The mark of a store: an id in the database, and the same id in a file beside it, `<file>.id`. A database that is
 * empty, gone or of another store beside its mark has lost what it had, and is refused rather than begun anew.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { FaasmError } from '../../proto/errors.ts';
import { fileError } from './sqlite-file.ts';

const markOf = (file: string): string => `${file}.id`;

/**
 * Before the tables are made.
 * @returns the id of the store; nothing: it is a new one
 * @throws FaasmError `storage_corrupt`
 */
export function checkMark(db: DatabaseSync, file: string): string | undefined {
  const mark = readMark(file);
  const isEmpty = Number(db.prepare('PRAGMA user_version').get()?.user_version) === 0;
  const id = readId(db);
  if (mark === undefined || (!isEmpty && (id === undefined || id === mark))) return mark ?? id;
  throw lost(file, isEmpty ? 'it is empty, and it was not' : 'it is of another store');
}

/** Once the tables are there. */
export function keepMark(db: DatabaseSync, file: string, id: string = randomUUID()): void {
  if (readId(db) === undefined) {
    db.exec('CREATE TABLE IF NOT EXISTS store (id TEXT NOT NULL) STRICT');
    db.prepare('INSERT INTO store (id) VALUES (?)').run(id);
  }
  if (readMark(file) === undefined) writeMark(file, id);
}

function readId(db: DatabaseSync): string | undefined {
  const isThere = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'store'").get() !== undefined;
  const id = isThere ? db.prepare('SELECT id FROM store').get()?.id : undefined;
  return id === undefined ? undefined : String(id);
}

function readMark(file: string): string | undefined {
  try {
    return readFileSync(markOf(file), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function writeMark(file: string, id: string): void {
  const draft = `${markOf(file)}.draft`;
  const fd = openSync(draft, 'w', 0o600);
  try {
    writeSync(fd, `${id}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, markOf(file));
}

function lost(file: string, why: string): FaasmError {
  const mark = basename(markOf(file));
  const wayOut = `restore it from a backup, or remove ${mark} to go on with what is there now`;
  return fileError('storage_corrupt', file, `${why}; ${wayOut}`);
}
