/** The queue of asynchronous calls in one SQLite file, which this host alone has open. */
import { startSqliteThread } from '../storage/sqlite-thread.ts';
import type { CallQueue } from './queue-port.ts';
import type { QueueOperations } from './sqlite-queue-operations.ts';

/** @param file such as `<dataFolder>/calls.db` @throws FaasmError `storage_unavailable` */
export async function openSqliteCallQueue(file: string): Promise<CallQueue> {
  const thread = await startSqliteThread<QueueOperations>({
    file,
    operations: new URL('./sqlite-queue-operations.ts', import.meta.url).href,
  });
  return {
    enqueue(call) {
      const input = new Uint8Array(call.input);
      return thread.run('enqueue', { ...call, input }, [input.buffer]);
    },
    find: ({ user, function: fn, dedupeKey, fingerprint }) =>
      thread.run('find', { user, function: fn, dedupeKey, fingerprint }),
    claim: (id, nowMs) => thread.run('claim', { id, nowMs }),
    finish(id, end) {
      const output = new Uint8Array(end.output);
      return thread.run('finish', { id, end: { ...end, output } }, [output.buffer]);
    },
    retry: (id, error, notBeforeMs) => thread.run('retry', { id, error, notBeforeMs }),
    cancel: (id, nowMs) => thread.run('cancel', { id, nowMs }),
    status: (id) => thread.run('status', { id }),
    output: (id, offset, length) => thread.run('output', { id, offset, length }),
    sweep: (endedBeforeMs, limit) => thread.run('sweep', { endedBeforeMs, limit }),
    recover: (begun) => thread.run('recover', { begun }),
    shrink: () => thread.shrink(),
    close: () => thread.close(),
  };
}
