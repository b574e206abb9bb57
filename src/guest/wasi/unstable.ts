/**
 * What is different in `wasi_unstable`, the edition before preview 1: where a seek starts is numbered otherwise, a
 * file's attributes count links in 32 bits, and a subscription to a clock has one more field.
 */
import type { WasiFunctions } from './context.ts';
import { filestat } from './fd.ts';
import { seek, whence } from './fd-io.ts';
import { pathFilestat } from './path.ts';
import { poll } from './poll.ts';

const unknownWhence = -1;
const whences = [whence.current, whence.end, whence.set] as const;

export const unstableFunctions = {
  fd_seek: (context, fd: number, delta: bigint, from: number, out: number) =>
    seek(context, fd, delta, whences[from >>> 0] ?? unknownWhence, out),
  fd_filestat_get: (context, fd: number, out: number) => filestat(context, fd, out, 'unstable'),
  path_filestat_get: (context, fd: number, flags: number, path: number, pathBytes: number, out: number) =>
    pathFilestat(context, fd, flags, path, pathBytes, out, 'unstable'),
  poll_oneoff: (context, subscriptions: number, events: number, count: number, out: number) =>
    poll(context, subscriptions, events, count, out, 'unstable'),
} satisfies WasiFunctions;
