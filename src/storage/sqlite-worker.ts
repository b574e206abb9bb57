/** The thread's side: takes what has arrived, runs it as one batch, answers. See sqlite-thread.ts. */
import assert from 'node:assert';
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { FaasmError } from '../../proto/errors.ts';
import { runBatch } from './sqlite-batch.ts';
import { openDatabase, shrinkDatabase, toStorageError } from './sqlite-file.ts';
import type {
  OperationAnswer,
  OperationError,
  OperationMessage,
  SqliteSetup,
  ToThread,
} from './sqlite-messages.ts';
import type { SqliteOperations } from './sqlite-thread.ts';
import { checkMark, keepMark } from './store-mark.ts';

/** Bounds how long the first of a batch waits for the last. */
const batchMax = 512;

assert(parentPort !== null, 'sqlite-worker.ts runs as a worker thread');
const port = parentPort;
const { file, operations: moduleUrl } = workerData as SqliteSetup;

type Opened = { readonly db: DatabaseSync; readonly operations: SqliteOperations };

async function open(): Promise<Opened | FaasmError> {
  const { open: openOperations } = (await import(moduleUrl)) as {
    open(db: DatabaseSync, file: string): SqliteOperations;
  };
  let db: DatabaseSync | undefined;
  try {
    db = openDatabase(file);
    const mark = checkMark(db, file);
    const operations = openOperations(db, file);
    keepMark(db, file, mark);
    return { db, operations };
  } catch (thrown) {
    db?.close();
    return toStorageError(thrown, file);
  }
}

const opened = await open();

port.on('message', (first: ToThread) => {
  const batch: OperationMessage[] = [];
  let next: ToThread | undefined = first;
  while (typeof next === 'object') {
    batch.push(next);
    next =
      batch.length < batchMax ? (receiveMessageOnPort(port)?.message as ToThread | undefined) : undefined;
  }
  if (batch.length > 0) answer(batch);
  if (next === 'close') {
    if (!(opened instanceof FaasmError)) opened.db.close();
    port.close();
  }
});

function shrink(): void {
  if (opened instanceof FaasmError) return;
  try {
    shrinkDatabase(opened.db);
  } catch {
    // Shrinking needs some room itself, and is tried again.
  }
}

function answer(batch: readonly OperationMessage[]): void {
  const answers: OperationAnswer[] =
    opened instanceof FaasmError
      ? batch.map(({ id }) => ({ id, value: undefined, error: toPlainError(opened) }))
      : runBatch(opened.db, opened.operations, batch).map((outcome, at) => ({
          id: batch[at]!.id,
          value: outcome.error === undefined ? outcome.value : undefined,
          error: outcome.error === undefined ? undefined : toPlainError(toStorageError(outcome.error, file)),
        }));
  if (batch.some(({ name, argument }) => name === undefined && argument === 'shrink')) shrink();
  port.postMessage(answers, transferable(answers));
}

function toPlainError({ code, message, details, place, cause }: FaasmError): OperationError {
  const { errcode, code: errno } = (cause ?? {}) as { errcode?: unknown; code?: unknown };
  return { code, message, details, place, cause: cause === undefined ? undefined : { errcode, code: errno } };
}

/** The buffers of answers that are bytes, or have bytes among their fields: handed over, not copied. */
function transferable(answers: readonly OperationAnswer[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { value } of answers) {
    if (typeof value !== 'object' || value === null) continue;
    for (const bytes of value instanceof Uint8Array ? [value] : Object.values(value)) {
      if (!(bytes instanceof Uint8Array) || !(bytes.buffer instanceof ArrayBuffer)) continue;
      if (bytes.byteLength > 0 && bytes.byteLength === bytes.buffer.byteLength) buffers.add(bytes.buffer);
    }
  }
  return [...buffers];
}
