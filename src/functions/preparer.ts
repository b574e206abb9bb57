/** Prepares modules in a thread of its own, one started at the first need. */
import { Worker } from 'node:worker_threads';
import { fromCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { ModuleLimits } from '../faaslet/module/inspect.ts';
import type { PreparedModule } from './prepare.ts';
import type { PrepareAnswer, PrepareRequest } from './prepare-thread.ts';

export interface Preparer {
  /** @throws FaasmError `bad_module`, `unknown_import`, `unsupported_module`, `deadline_exceeded` */
  prepare(bytes: Uint8Array): Promise<{ sha256: string; prepared: PreparedModule }>;
  close(): Promise<void>;
}

/** A module of 64 MiB takes some seconds. */
const prepareTimeoutMs = 60_000;

export function createPreparer(limits: ModuleLimits): Preparer {
  const waiting = new Map<number, PromiseWithResolvers<{ sha256: string; prepared: PreparedModule }>>();
  let worker: Worker | undefined;
  let last = 0;

  function start(): Worker {
    const started = new Worker(new URL('./prepare-thread.ts', import.meta.url), {
      workerData: limits,
      env: {},
    });
    started.unref();
    started.on('message', (answer: PrepareAnswer) => {
      const wanted = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ('error' in answer) wanted?.reject(fromCallError(answer.error));
      else wanted?.resolve(answer);
    });
    started.on('error', (cause) =>
      stop(
        new FaasmError('internal', `Preparing a module failed: ${FaasmError.from(cause).message}`, { cause }),
      ),
    );
    return started;
  }

  function stop(error: FaasmError): void {
    void worker?.terminate();
    worker = undefined;
    for (const wanted of waiting.values()) wanted.reject(error);
    waiting.clear();
  }

  return {
    async prepare(bytes) {
      worker ??= start();
      const id = ++last;
      const wanted = Promise.withResolvers<{ sha256: string; prepared: PreparedModule }>();
      waiting.set(id, wanted);
      const timer = setTimeout(() => {
        stop(
          new FaasmError(
            'deadline_exceeded',
            `The module was not prepared within ${prepareTimeoutMs / 1000} s`,
          ),
        );
      }, prepareTimeoutMs);
      const copy = new Uint8Array(bytes);
      worker.postMessage({ id, bytes: copy } satisfies PrepareRequest, [copy.buffer]);
      try {
        return await wanted.promise;
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      stop(new FaasmError('draining', 'The host is stopping'));
    },
  };
}
