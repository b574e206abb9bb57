/**
 * What a program has that `faasm run` runs in this very process.
 *
 * In:   standard input
 * Out:  standard output, standard error
 * Owns: nothing
 * Never: returns before the bytes are out, for a guest that traps must not lose what it wrote
 */
import './v8-flags.ts';
import { readSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { inputFromTerminal } from '../src/cli/input.ts';
import type { GuestStreams } from '../src/run/streams.ts';

/** Node reads and writes no view of shared memory, and a guest's may be shared. */
const chunkBytes = 64 * 1024;
/** A pipe or a terminal that another program made non-blocking is asked again after so long. */
const retryMs = 2;

const chunk = new Uint8Array(chunkBytes);
const neverChanged = new Int32Array(new SharedArrayBuffer(4));

/** Once a guest reads from a terminal, where somebody looks on. */
let isToTell = isatty(0) && isatty(2);

export const guestStreams: GuestStreams = {
  readInput(into) {
    if (isToTell) writeSync(2, inputFromTerminal);
    isToTell = false;
    const length = Math.min(into.length, chunkBytes);
    const read = untilReady(() => readSync(0, chunk, 0, length, null)) ?? 0;
    into.set(chunk.subarray(0, read));
    return read;
  },
  writeOutput: (bytes) => writeAll(1, bytes),
  writeError: (bytes) => writeAll(2, bytes),
};

function writeAll(fd: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    chunk.set(bytes.subarray(at, at + chunkBytes));
    const length = Math.min(chunkBytes, bytes.length - at);
    const written = untilReady(() => writeSync(fd, chunk, 0, length));
    if (written === undefined) return false;
    at += written;
  }
  return true;
}

/** Nothing when the other end of a pipe is closed. */
function untilReady(work: () => number): number | undefined {
  for (;;) {
    try {
      return work();
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'EOF' || code === 'EPIPE') return undefined;
      if (code !== 'EAGAIN') throw thrown;
      Atomics.wait(neverChanged, 0, 0, retryMs);
    }
  }
}
