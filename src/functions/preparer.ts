/**
 * Prepares modules, each in a thread of its own that is kept for the next one: a module that takes too long, or whose
 * thread fails, ends its own preparation and no other.
 */
import { Worker } from 'node:worker_threads';
import { fromCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { UserName } from '../../proto/names.ts';
import type { ModuleLimits } from '../wasm/inspect.ts';
import type { PreparedModule } from './prepare.ts';
import type { PrepareAnswer, PrepareRequest } from './prepare-thread.ts';
import { Turns } from './turns.ts';

export interface Prepared {
  readonly sha256: string;
  readonly prepared: PreparedModule;
}

export interface Preparer {
  /**
   * @param user whose turn it is
   * @throws FaasmError `bad_module`, `unknown_import`, `unsupported_module`, `deadline_exceeded`
   */
  prepare(user: UserName, bytes: Uint8Array): Promise<Prepared>;
  close(): Promise<void>;
}

/** Users whose modules are prepared beside each other. */
const atOnce = 4;
/** A module of 64 MiB takes some seconds, and the trial of a few functions too; an upload may take 2 minutes. */
const prepareTimeoutMs = 110_000;

export function createPreparer(limits: ModuleLimits): Preparer {
  const turns = new Turns(atOnce);
  const idle: Worker[] = [];
  const closing = new AbortController();

  function start(): Worker {
    const worker = new Worker(new URL('./prepare-thread.ts', import.meta.url), {
      workerData: limits,
      env: {},
      execArgv: [],
    });
    worker.unref();
    // One that fails while it is idle fails nobody.
    worker.on('error', () => {});
    return worker;
  }

  async function prepareIn(worker: Worker, bytes: Uint8Array): Promise<Prepared> {
    const answer = Promise.withResolvers<PrepareAnswer>();
    const fail = (error: FaasmError): void => answer.reject(error);
    const onError = (cause: unknown): void =>
      fail(
        new FaasmError('internal', `Preparing a module failed: ${FaasmError.from(cause).message}`, { cause }),
      );
    const onExit = (): void =>
      fail(new FaasmError('internal', 'Preparing a module failed: its thread ended'));
    const onClose = (): void => fail(new FaasmError('draining', 'The host is stopping'));
    const late = `The module was not prepared within ${prepareTimeoutMs / 1000} s`;
    const timer = setTimeout(() => fail(new FaasmError('deadline_exceeded', late)), prepareTimeoutMs);
    worker.once('message', answer.resolve).once('error', onError).once('exit', onExit);
    closing.signal.addEventListener('abort', onClose);
    const copy = new Uint8Array(bytes);
    worker.postMessage({ bytes: copy } satisfies PrepareRequest, [copy.buffer]);
    try {
      const answered = await answer.promise;
      idle.push(worker);
      if ('error' in answered) throw fromCallError(answered.error);
      return answered;
    } finally {
      clearTimeout(timer);
      worker.off('message', answer.resolve).off('error', onError).off('exit', onExit);
      closing.signal.removeEventListener('abort', onClose);
      if (!idle.includes(worker)) void worker.terminate();
    }
  }

  return {
    prepare: (user, bytes) =>
      turns.take(user, async () => {
        if (closing.signal.aborted) throw new FaasmError('draining', 'The host is stopping');
        return prepareIn(idle.pop() ?? start(), bytes);
      }),
    async close() {
      closing.abort();
      await Promise.all(idle.splice(0).map((worker) => worker.terminate()));
    },
  };
}
