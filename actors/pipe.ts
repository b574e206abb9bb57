/**
 * The pipe: calls as frames of faasm.proto on standard input, their results on standard output.
 *
 * In:   frames on standard input
 * Out:  `invoke`, `async`, `functions.describe`, `cancel`; the results as frames on standard output
 * Owns: both streams: nothing else is written to standard output
 * Never: decides whether or where a call runs
 */
import type { Readable, Writable } from 'node:stream';
import { FaasmError } from '../proto/errors.ts';
import type { Log } from '../src/log.ts';
import type { MessageCalls } from '../src/receive/message-calls.ts';
import { type FrameLimits, serveFrames } from '../src/receive/serve-frames.ts';

export interface PipeOptions {
  readonly calls: MessageCalls;
  readonly input: Readable;
  readonly output: Writable;
  readonly limits: FrameLimits;
  readonly log: Log;
}

export interface PipeActor {
  /** Resolves when the input has ended and all is answered. @throws FaasmError for a broken frame, and when nobody reads the results */
  readonly ended: Promise<void>;
  /**
   * Takes no more calls; resolves when those under way are answered.
   * @throws FaasmError `deadline_exceeded` when they are not, this long after
   */
  stop(timeoutMs: number): Promise<void>;
}

export function startPipe({ calls, input, output, limits, log }: PipeOptions): PipeActor {
  const stopping = new AbortController();
  const ended = serveFrames({ input, output, calls, limits, stopping: stopping.signal });
  ended.catch((err: unknown) => log.error({ err }, 'the pipe broke'));
  log.info('taking calls on standard input');
  return {
    ended,
    async stop(timeoutMs) {
      stopping.abort();
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => late.reject(notEnded(timeoutMs)), timeoutMs);
      try {
        await Promise.race([ended.catch(() => {}), late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function notEnded(timeoutMs: number): FaasmError {
  return new FaasmError(
    'deadline_exceeded',
    `Results are missing on standard output: calls did not end, or nobody read, within ${timeoutMs} ms (FAASM_DRAIN_TIMEOUT_MS)`,
  );
}
