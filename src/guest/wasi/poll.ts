/**
 * `poll_oneoff`. Descriptors are always ready: input is there or is waited for, files and output take bytes at once.
 * So only a poll that asks for nothing but clocks waits, and waiting is a suspension of the guest.
 */
import { GuestFault } from '../guest-fault.ts';
import { clock, clockNs } from './clock.ts';
import type { WasiContext, WasiFunctions } from './context.ts';
import type { Descriptor } from './descriptors.ts';
import { ErrnoFailure, errno, fail } from './errno.ts';
import { type Edition, knownFlags, place, writeU32 } from './layout.ts';
import { right } from './rights.ts';

const eventType = { clock: 0, fdRead: 1, fdWrite: 2 } as const;
const absoluteTime = 1;
const hangup = 1;
const eventBytes = 32;
const subscriptionsMax = 4096;
const sleepMaxMs = 2 ** 31 - 1;
const nsPerMs = 1_000_000n;
/** What one write to a stream takes at least, as a pipe would say. */
const streamRoomBytes = 65_536;

interface Subscription {
  readonly userdata: bigint;
  readonly type: number;
  /** Of a clock: which, and its time at which the event comes. */
  readonly clock: number;
  readonly deadlineNs: bigint;
  /** Else a descriptor. */
  readonly fd: number;
}

interface Event {
  readonly userdata: bigint;
  readonly errno: number;
  readonly type: number;
  readonly byteLength: number;
  readonly flags: number;
}

export const pollFunctions = {
  poll_oneoff: (context, subscriptions: number, events: number, count: number, out: number) =>
    poll(context, subscriptions, events, count, out, 'preview1'),
} satisfies WasiFunctions;

/** The errno, or a promise of it when no event is there yet. */
export function poll(
  context: WasiContext,
  subscriptions: number,
  events: number,
  count: number,
  out: number,
  edition: Edition,
): number | Promise<number> {
  place(context.memory, out, 4);
  if (count === 0 || count >>> 0 > subscriptionsMax) fail('inval');
  place(context.memory, events, count * eventBytes);
  const wanted = readSubscriptions(context, subscriptions, count, edition);
  const happened = collect(context, wanted);
  if (happened.length === 0) return wait(context, wanted, events, out);
  return writeEvents(context, happened, events, out);
}

async function wait(
  context: WasiContext,
  wanted: readonly Subscription[],
  events: number,
  out: number,
): Promise<number> {
  const { epoch, powers } = context;
  for (;;) {
    let shortestNs = BigInt(sleepMaxMs) * nsPerMs;
    for (const subscription of wanted) {
      const leftNs = subscription.deadlineNs - clockNs(context, subscription.clock);
      if (leftNs < shortestNs) shortestNs = leftNs;
    }
    const startedNs = powers.monotonicNs();
    await powers.sleep(Math.max(0, Number((shortestNs + nsPerMs - 1n) / nsPerMs)));
    if (context.epoch !== epoch) throw new GuestFault('The call was over before its sleep was');
    context.slept(powers.monotonicNs() - startedNs);
    const happened = collect(context, wanted);
    if (happened.length > 0) return writeEvents(context, happened, events, out);
  }
}

function readSubscriptions(
  context: WasiContext,
  pointer: number,
  count: number,
  edition: Edition,
): Subscription[] {
  // The older edition has a number of the guest's own before the clock, which moves what follows.
  const clockAt = edition === 'preview1' ? 16 : 24;
  const subscriptionBytes = clockAt + 32;
  const start = place(context.memory, pointer, count * subscriptionBytes);
  const view = context.memory.view();
  const read: Subscription[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = start + index * subscriptionBytes;
    const userdata = view.getBigUint64(at, true);
    const type = view.getUint8(at + 8);
    if (type === eventType.clock) {
      const id = view.getUint32(at + clockAt, true);
      const timeoutNs = view.getBigUint64(at + clockAt + 8, true);
      const flags = knownFlags(view.getUint16(at + clockAt + 24, true), absoluteTime);
      const waitable = id === clock.realtime || id === clock.monotonic;
      const startNs = waitable && flags !== absoluteTime ? clockNs(context, id) : 0n;
      read.push({ userdata, type, clock: id, deadlineNs: startNs + timeoutNs, fd: -1 });
    } else if (type === eventType.fdRead || type === eventType.fdWrite) {
      read.push({ userdata, type, clock: -1, deadlineNs: 0n, fd: view.getUint32(at + 16, true) });
    } else fail('inval');
  }
  return read;
}

function collect(context: WasiContext, wanted: readonly Subscription[]): Event[] {
  const events: Event[] = [];
  for (const subscription of wanted) {
    const { userdata, type } = subscription;
    try {
      const event =
        type === eventType.clock ? clockEvent(context, subscription) : fdEvent(context, subscription);
      if (event !== undefined) events.push({ userdata, type, errno: errno.success, ...event });
    } catch (thrown) {
      if (!(thrown instanceof ErrnoFailure)) throw thrown;
      events.push({ userdata, type, errno: thrown.errno, byteLength: 0, flags: 0 });
    }
  }
  return events;
}

/** Undefined while it is not yet time. */
function clockEvent(
  context: WasiContext,
  { clock: id, deadlineNs }: Subscription,
): Pick<Event, 'byteLength' | 'flags'> | undefined {
  if (id === clock.processCpu || id === clock.threadCpu) fail('notsup');
  return clockNs(context, id) < deadlineNs ? undefined : { byteLength: 0, flags: 0 };
}

function fdEvent(context: WasiContext, { type, fd }: Subscription): Pick<Event, 'byteLength' | 'flags'> {
  const descriptor = context.descriptors.get(fd);
  const reads = type === eventType.fdRead;
  descriptor.require(right.pollFdReadwrite | (reads ? right.fdRead : right.fdWrite));
  if (!reads) return { byteLength: streamRoomBytes, flags: 0 };
  const byteLength = readableBytes(context, descriptor);
  const ended = descriptor.target === 'stdin' && byteLength === 0;
  return { byteLength, flags: ended ? hangup : 0 };
}

function readableBytes(context: WasiContext, descriptor: Descriptor): number {
  const inode = context.inode(descriptor);
  const { stdin } = context.call;
  // What comes of a stream is not known before it is read, which waits for it.
  if (inode === undefined) return stdin instanceof Uint8Array ? stdin.length - context.stdinOffset : 1;
  if (inode.kind === 'device') return streamRoomBytes;
  return Math.max(0, inode.size - descriptor.offset);
}

function writeEvents(context: WasiContext, happened: readonly Event[], pointer: number, out: number): number {
  const start = place(context.memory, pointer, happened.length * eventBytes);
  const view = context.memory.view();
  for (const [index, event] of happened.entries()) {
    const at = start + index * eventBytes;
    view.setBigUint64(at, event.userdata, true);
    view.setUint16(at + 8, event.errno, true);
    view.setUint16(at + 10, event.type, true);
    view.setUint32(at + 12, 0, true);
    view.setBigUint64(at + 16, BigInt(event.byteLength), true);
    view.setBigUint64(at + 24, BigInt(event.flags), true);
  }
  writeU32(context.memory, out, happened.length);
  return errno.success;
}
