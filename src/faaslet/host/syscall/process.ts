/** System calls about memory, time and the process itself. */
import { GuestExit, GuestFault } from '../guest-fault.ts';
import { clock, clockNs } from '../wasi/clock.ts';
import { fail } from '../wasi/errno.ts';
import { place } from '../wasi/layout.ts';
import type { SyscallContext, SystemCall, SystemCalls } from './context.ts';
import { linuxErrno } from './errno.ts';
import { readTime, userId, writeTime } from './layout.ts';

const processId = 23;
const threadId = 66;
const mapFlag = { anonymous: 0x20 } as const;
const sysnameBytes = 65;
const unameTexts = ['Linux', 'faasm', '5.0.0', '1', 'wasm32', ''];
const futexWaits = new Set([0, 9]);
const futexCommand = 0x7f;
const pollReady = { in: 1, out: 4 } as const;
const nsPerMs = 1_000_000n;
const sleepMaxMs = 2 ** 31 - 1;
const utf8 = new TextEncoder();
/** RLIM_INFINITY of 64 bits. */
const unlimited = 0xffff_ffff_ffff_ffffn;

const nothing: SystemCall = () => 0;
const user: SystemCall = () => userId;
const exit: SystemCall = (_context, code) => {
  throw new GuestExit(code);
};
const kill: SystemCall = () => {
  throw new GuestFault('aborted');
};

export const processCalls: SystemCalls = {
  1: exit,
  252: exit,
  20: () => processId,
  224: () => threadId,
  /** set_tid_address */
  258: () => threadId,
  24: user,
  47: user,
  49: user,
  50: user,
  199: user,
  200: user,
  201: user,
  202: user,
  37: kill,
  238: kill,
  270: kill,

  /** time */
  13: (context, out) => {
    const seconds = Number(context.wasi.powers.realtimeNs() / 1_000_000_000n) | 0;
    if (out !== 0) context.memory.view().setInt32(place(context.memory, out, 4), seconds, true);
    return seconds;
  },

  45: (context, address) => context.regions.moveBreak(address >>> 0),

  /** gettimeofday */
  78: (context, out) => {
    if (out !== 0) writeTime(context, out, context.wasi.powers.realtimeNs(), 'us');
    return 0;
  },

  /** munmap */
  91: (context, start, length) => {
    context.regions.unmap(start >>> 0, length >>> 0);
    return 0;
  },
  192: map,

  /** uname */
  122: (context, out) => {
    const at = place(context.memory, out, sysnameBytes * unameTexts.length);
    const into = context.memory.bytes(at, sysnameBytes * unameTexts.length).fill(0);
    for (const [index, text] of unameTexts.entries()) into.set(utf8.encode(text), index * sysnameBytes);
    return 0;
  },

  /** nanosleep, clock_nanosleep */
  162: (context, request) => sleep(context, toNs(readTime(context, request))),
  267: (context, id, flags, request) => {
    const wanted = toNs(readTime(context, request));
    return sleep(context, flags === 0 ? wanted : wanted - clockNs(context.wasi, id));
  },

  168: poll,

  /** socketcall: there is no network, and what is no socket of the function it cannot use as one. */
  102: (context, call, args) => {
    if (call === 1) return -linuxErrno.afnosupport;
    context.owned(context.memory.view().getInt32(place(context.memory, args, 4), true));
    return -linuxErrno.notsock;
  },

  /** ugetrlimit, prlimit64 */
  191: (context, _resource, out) => limits(context, out, 4),
  340: (context, _process, _resource, _wanted, out) => (out === 0 ? 0 : limits(context, out, 8)),

  /** futex: there is one thread, so nobody else changes the word. */
  240: (_context, _word, operation) => (futexWaits.has(operation & futexCommand) ? -linuxErrno.again : 0),

  /** clock_gettime, clock_getres */
  265: (context, id, out) => {
    // The finer and coarser ones of Linux are the same here.
    const known = id >= 4 && id <= 7 ? (id === 5 ? clock.realtime : clock.monotonic) : id;
    writeTime(context, out, clockNs(context.wasi, known));
    return 0;
  },
  266: (context, id, out) => {
    if (id >>> 0 > 7) fail('inval');
    if (out !== 0) writeTime(context, out, 1000n);
    return 0;
  },

  /** getrandom */
  355: (context, buffer, byteLength) => {
    const into = context.memory.bytes(buffer, byteLength);
    for (let at = 0; at < into.length; at += 65_536)
      context.wasi.powers.randomFill(into.subarray(at, at + 65_536));
    return into.length;
  },

  /** umask, chmod, fchmod, sched_yield, and signals and protection of pages, which are not there to be changed */
  60: () => 0o22,
  15: nothing,
  94: nothing,
  125: nothing,
  158: nothing,
  174: nothing,
  175: nothing,
  186: nothing,
  219: nothing,
  243: nothing,
  /** mremap: the libc then copies. */
  163: () => -linuxErrno.nomem,
};

/** mmap2: the offset is in pages of 4 KiB. */
function map(
  context: SyscallContext,
  _address: number,
  length: number,
  _protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  if (length === 0) fail('inval');
  const file = (flags & mapFlag.anonymous) === 0 ? context.wasi.inode(context.owned(fd)) : undefined;
  if (file?.kind === 'directory') fail('inval');
  const start = context.regions.map(length >>> 0);
  if (start === undefined) return -linuxErrno.nomem;
  // It is a private copy, whatever it is asked to be: nobody else is there to see the changes.
  if (file !== undefined) file.read((offset >>> 0) * 4096, context.memory.bytes(start, length));
  return start;
}

async function sleep(context: SyscallContext, wantedNs: bigint): Promise<number> {
  const { wasi } = context;
  const start = wasi.powers.monotonicNs();
  const { epoch } = wasi;
  for (let leftNs = wantedNs; leftNs > 0n; leftNs = start + wantedNs - wasi.powers.monotonicNs()) {
    await wasi.powers.sleep(Math.min(Number((leftNs + nsPerMs - 1n) / nsPerMs), sleepMaxMs));
    if (wasi.epoch !== epoch) break;
  }
  if (wasi.epoch === epoch) wasi.slept(wasi.powers.monotonicNs() - start);
  return 0;
}

/** @throws GuestFault in the words of the original, for standard input and for what is not the function's own */
function poll(
  context: SyscallContext,
  list: number,
  count: number,
  timeoutMs: number,
): number | Promise<number> {
  const at = place(context.memory, list, count * 8);
  let ready = 0;
  for (let index = 0; index < count; index++) {
    const view = context.memory.view();
    const fd = view.getInt32(at + index * 8, true);
    if (fd === 0) throw new GuestFault('Attempt to interact with stdin');
    if (fd > 0) context.owned(fd);
    const events = fd < 0 ? 0 : view.getInt16(at + index * 8 + 4, true) & (pollReady.in | pollReady.out);
    view.setInt16(at + index * 8 + 6, events, true);
    if (events !== 0) ready++;
  }
  if (ready > 0 || timeoutMs === 0) return ready;
  return sleep(context, BigInt(timeoutMs < 0 ? sleepMaxMs : timeoutMs) * nsPerMs);
}

function limits({ memory }: SyscallContext, out: number, wordBytes: 4 | 8): number {
  const at = place(memory, out, 2 * wordBytes);
  for (const offset of [at, at + wordBytes]) {
    if (wordBytes === 8) memory.view().setBigUint64(offset, unlimited, true);
    else memory.view().setUint32(offset, 0xffff_ffff, true);
  }
  return 0;
}

function toNs({ seconds, ns }: { readonly seconds: number; readonly ns: number }): bigint {
  if (seconds < 0 || ns < 0 || ns > 999_999_999) fail('inval');
  return BigInt(seconds) * 1_000_000_000n + BigInt(ns);
}
