/** The process itself: how it ends, who it is, what it may use. */
import { GuestExit, GuestFault } from '../guest-fault.ts';
import { place } from '../wasi/layout.ts';
import type { SyscallContext, SystemCall, SystemCalls } from './context.ts';
import { userId } from './layout.ts';

const processId = 23;
const parentId = 1;
const nameBytes = 65;
/** System, node, release, version, machine, domain. */
const names = ['Linux', 'faasm', '5.0.0', '1', 'wasm32', ''];
const utf8 = new TextEncoder();

const nothing: SystemCall = () => 0;
const id: SystemCall = () => processId;
const user: SystemCall = () => userId;
const exit: SystemCall = (_context, code) => {
  throw new GuestExit(code);
};
/** Nobody but the function itself is there to have the signal. */
const kill: SystemCall = () => {
  throw new GuestFault('aborted');
};

export const processCalls = {
  exit,
  exit_group: exit,
  kill,
  tkill: kill,
  tgkill: kill,
  signal: nothing,
  rt_sigaction: nothing,
  rt_sigprocmask: nothing,
  sigaltstack: nothing,

  getpid: id,
  getppid: () => parentId,
  gettid: id,
  set_tid_address: id,
  set_thread_area: nothing,
  getuid32: user,
  getgid32: user,
  geteuid32: user,
  getegid32: user,
  umask: () => 0o22,

  uname: ({ memory }, out) => {
    const into = memory.bytes(out, nameBytes * names.length).fill(0);
    for (const [index, name] of names.entries()) into.set(utf8.encode(name), index * nameBytes);
    return 0;
  },

  ugetrlimit: (context, _resource, out) => writeLimits(context, out, 4),
  prlimit64: (context, _process, _resource, _wanted, out) => (out === 0 ? 0 : writeLimits(context, out, 8)),

  /** One processor. */
  sched_getaffinity: ({ memory }, _process, byteLength, out) => {
    const into = memory.bytes(out, Math.min(byteLength >>> 0, 4)).fill(0);
    into[0] = 1;
    return into.length;
  },

  getrandom: (context, buffer, byteLength) => {
    const into = context.memory.bytes(buffer, byteLength);
    context.fillRandom(into);
    return into.length;
  },
} satisfies SystemCalls;

/** Of no resource: the one that is in use and the highest, each all ones. */
function writeLimits({ memory }: SyscallContext, out: number, wordBytes: 4 | 8): number {
  const at = place(memory, out, 2 * wordBytes);
  memory.bytes(at, 2 * wordBytes).fill(0xff);
  return 0;
}
