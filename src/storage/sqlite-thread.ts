/**
 * A SQLite file with a thread of its own.
 *
 *     run() ──┐                       ┌─ operation 1 (savepoint) ─┐
 *     run() ──┼─ post ─▶ one batch ──▶├─ operation 2 (savepoint) ─┼─ commit, fsync ─▶ every answer of the batch
 *     run() ──┘                       └─ operation 3 (savepoint) ─┘
 *
 * SQLite is synchronous and a commit waits for the disk, so neither happens on the main thread, and what arrives while
 * one commit is under way shares the next one. An answer is given only after the commit: what was acknowledged is
 * there after a crash at any moment. An operation that throws undoes itself and nothing else.
 *
 * Operations take effect in the order in which `run` was called.
 */
import { Worker } from 'node:worker_threads';
import { FaasmError } from '../../proto/errors.ts';
import { fileError } from './sqlite-file.ts';
import type { FromThread, OperationMessage, SqliteSetup, ToThread } from './sqlite-messages.ts';

/**
 * What an operations module's `open(db, file)` gives: each takes one argument and answers at once.
 * An operation keeps nothing outside the file, for it may be undone and run again.
 */
// biome-ignore lint/suspicious/noExplicitAny: each operation says its own
export type SqliteOperations = Readonly<Record<string, (argument: any) => unknown>>;

export interface SqliteThread<Operations extends SqliteOperations> {
  readonly file: string;
  /**
   * @param transfer buffers that the thread may take instead of copying them
   * @throws FaasmError what the operation threw; `storage_unavailable` when the file cannot be used
   */
  run<Name extends keyof Operations & string>(
    name: Name,
    argument: Parameters<Operations[Name]>[0],
    transfer?: readonly ArrayBuffer[],
  ): Promise<ReturnType<Operations[Name]>>;
  /** Gives back to the disk what the file does not use, after what was asked before. */
  shrink(): Promise<void>;
  /** Finishes what was asked, closes the file and ends the thread. */
  close(): Promise<void>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: FaasmError): void;
}

/**
 * @param setup.operations a module that exports `open(db: DatabaseSync)`
 * @throws FaasmError `storage_unavailable` when the file cannot be opened, or another process has it open;
 * `storage_corrupt` when it has lost what it had
 */
export async function startSqliteThread<Operations extends SqliteOperations>(
  setup: SqliteSetup,
): Promise<SqliteThread<Operations>> {
  const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), {
    workerData: setup,
    execArgv: [],
  });
  const waiting = new Map<number, Waiting>();
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  let lastId = 0;
  let ended: FaasmError | undefined;

  const end = (error: FaasmError): void => {
    ended ??= error;
    for (const one of waiting.values()) one.reject(ended);
    waiting.clear();
  };
  worker.on('error', (cause) =>
    end(fileError('storage_unavailable', setup.file, `its thread failed: ${messageOf(cause)}`, cause)),
  );
  worker.on('exit', () => end(fileError('storage_unavailable', setup.file, 'it was closed')));
  worker.on('message', (answers: FromThread) => {
    for (const answer of answers) {
      const one = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (answer.error === undefined) one?.resolve(answer.value);
      else one?.reject(new FaasmError(answer.error.code, answer.error.message, answer.error));
    }
  });

  const post = (message: OperationMessage, transfer: readonly ArrayBuffer[]): Promise<unknown> => {
    if (ended !== undefined) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      waiting.set(message.id, { resolve, reject });
      try {
        worker.postMessage(message, transfer);
      } catch (cause) {
        waiting.delete(message.id);
        reject(FaasmError.from(cause));
      }
    });
  };

  try {
    await post({ id: ++lastId, name: undefined, argument: undefined }, []);
  } catch (error) {
    await worker.terminate();
    throw error;
  }

  return {
    file: setup.file,
    run: (name, argument, transfer = []) =>
      post({ id: ++lastId, name, argument }, transfer) as Promise<ReturnType<Operations[typeof name]>>,
    async shrink() {
      await post({ id: ++lastId, name: undefined, argument: 'shrink' }, []);
    },
    async close() {
      if (ended === undefined) {
        worker.postMessage('close' satisfies ToThread);
        ended = fileError('storage_unavailable', setup.file, 'it was closed');
      }
      await exited;
    },
  };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
