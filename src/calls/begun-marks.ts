/**
 * Which attempts at asynchronous calls had begun, for the host that comes after one that was killed.
 *
 *   <folder>/<executor's row>    one record for each slot, at its place: `<call id> <attempt>`, padded to 128 bytes
 *
 * An executor writes the mark right before the call enters its guest, so a call that ends the process is known by it,
 * and one that only waited for its turn is not blamed. Nothing is synced: what the kernel was given outlives the
 * process, and a power cut is no call's fault. A mark stays until another call has its slot: it counts for the attempt
 * that it names, and only while the queue has that attempt as running.
 */
import { constants, openSync, writeSync } from 'node:fs';
import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallId } from '../../proto/names.ts';
import { makeFolder } from '../make-folder.ts';

export interface BegunAttempt {
  readonly id: CallId;
  /** 1 for the first. */
  readonly attempt: number;
}

/** Those of the last run of the host. */
export interface BegunCalls {
  read(): Promise<BegunAttempt[]>;
  /** Once the queue has counted them. */
  forget(): Promise<void>;
}

/** An id of 87 characters at most, a space, and a number. */
const recordBytes = 128;
const recordPattern = /^([A-Za-z0-9_-]{1,87}) (\d{1,9}) *$/;

/** The end of one executor. */
export class BegunMarks {
  readonly #file: string;
  #fd: number | undefined;

  /** @param row of the executor; no other one that is alive has it */
  constructor(folder: string, row: number) {
    this.#file = join(folder, String(row));
  }

  /** @param slot in which the executor has the call */
  mark(slot: number, { id, attempt }: BegunAttempt): void {
    this.#write(slot, `${id} ${attempt}`);
  }

  /** It has not begun after all. */
  clear(slot: number): void {
    if (this.#fd !== undefined) this.#write(slot, '');
  }

  #write(slot: number, text: string): void {
    try {
      this.#fd ??= openSync(this.#file, constants.O_WRONLY | constants.O_CREAT, 0o600);
      writeSync(this.#fd, text.padEnd(recordBytes), slot * recordBytes, 'latin1');
    } catch {
      // On a full disk calls run all the same, and only this attempt may not be counted.
    }
  }
}

/** Marked in this folder. */
export const begunIn = (folder: string): BegunCalls => ({
  read: () => readBegun(folder),
  forget: () => forgetBegun(folder),
});

/** The attempts that had begun when the last host in this folder ended. The folder is made where there is none. */
export async function readBegun(folder: string): Promise<BegunAttempt[]> {
  await makeFolder(folder);
  const found: BegunAttempt[] = [];
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), 'latin1');
    for (let at = 0; at < text.length; at += recordBytes) {
      const [, id, attempt] = recordPattern.exec(text.slice(at, at + recordBytes)) ?? [];
      if (id !== undefined) found.push({ id: id as CallId, attempt: Number(attempt) });
    }
  }
  return found;
}

/** Once the queue has counted them. */
export async function forgetBegun(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await truncate(join(folder, name));
}
