/**
 * Locks on state values: many readers or one writer, each with an owner, a lease and a fencing number.
 * Pure: time comes in the message, what is to be said goes out as effects. `decideLocks` changes the table in place.
 *
 * Who waits is served in order, readers next to each other at once; a reader that comes after a waiting writer waits
 * behind it, so a writer's turn comes. Fencing numbers grow with every grant: what a lost lock protects can tell an
 * old holder from the present one.
 *
 * An owner that asks for what it holds gets its lease renewed, with the same fencing number. An owner may be part of
 * another: when `a` is gone, so is `a/b`.
 */
import { FaasmError } from '../../../proto/errors.ts';
import { showName } from './value-name.ts';

export interface LockLimits {
  /** Locks held or waited for at once. */
  readonly locksMax: number;
  /** Waiting for one lock at once. */
  readonly lockWaitersMax: number;
}

export type LockMode = 'read' | 'write';

export interface LockRequest {
  /** What the answer is for. */
  readonly request: number;
  /** Of the lock. */
  readonly name: string;
  readonly owner: string;
  readonly mode: LockMode;
  /** How long it is held without being renewed; 0: until it is released or its owner is gone. */
  readonly leaseMs: number;
  /** How long to wait for it; 0: not at all. */
  readonly waitMs: number;
}

export type LockMessage =
  | (LockRequest & { readonly type: 'lock'; readonly nowMs: number })
  | {
      readonly type: 'unlock';
      readonly request: number;
      readonly name: string;
      readonly owner: string;
      readonly nowMs: number;
    }
  | { readonly type: 'ownerGone'; readonly owner: string; readonly nowMs: number }
  | { readonly type: 'tick'; readonly nowMs: number };

export type LockEffect =
  | {
      readonly type: 'granted';
      readonly request: number;
      readonly fence: number;
      readonly leaseEndsAtMs: number | null;
    }
  | { readonly type: 'unlocked'; readonly request: number }
  | { readonly type: 'refused'; readonly request: number; readonly error: FaasmError };

interface Holder {
  readonly owner: string;
  readonly mode: LockMode;
  readonly fence: number;
  /** Infinity: never. */
  endsAtMs: number;
}

interface Waiter extends LockRequest {
  readonly giveUpAtMs: number;
}

interface Lock {
  holders: Holder[];
  waiting: Waiter[];
}

export interface LockTable {
  readonly limits: LockLimits;
  readonly locks: Map<string, Lock>;
  lastFence: number;
}

/** @param firstFence greater than any fencing number that was ever given, such as the time in milliseconds */
export function createLockTable(limits: LockLimits, firstFence: number): LockTable {
  return { limits, locks: new Map(), lastFence: firstFence };
}

/** Whether the lock that was granted with this number is held still. */
export function isHeld(table: LockTable, name: string, fence: number, nowMs: number): boolean {
  const holders = table.locks.get(name)?.holders ?? [];
  return holders.some((one) => one.fence === fence && one.endsAtMs > nowMs);
}

export function decideLocks(table: LockTable, message: LockMessage): LockEffect[] {
  const effects: LockEffect[] = [];
  switch (message.type) {
    case 'lock':
      ask(table, message, effects);
      break;
    case 'unlock':
      unlock(table, message, effects);
      break;
    case 'ownerGone':
      for (const [name, lock] of table.locks) {
        drop(lock, name, (owner) => isPartOf(owner, message.owner), effects);
        serve(table, name, message.nowMs, effects);
      }
      break;
    case 'tick':
      for (const name of table.locks.keys()) expire(table, name, message.nowMs, effects);
      break;
  }
  return effects;
}

function ask(table: LockTable, message: LockRequest & { nowMs: number }, effects: LockEffect[]): void {
  const { request, name, owner, mode, nowMs } = message;
  const refuse = (code: 'conflict' | 'too_many_requests', why: string): void => {
    effects.push({
      type: 'refused',
      request,
      error: lockError(code, `Cannot lock state ${showName(name)}: ${why}`),
    });
  };
  expire(table, name, nowMs, effects);
  let lock = table.locks.get(name);
  if (lock === undefined) {
    const { locksMax } = table.limits;
    if (table.locks.size >= locksMax) {
      refuse('too_many_requests', `${locksMax} locks are in use`);
      return;
    }
    lock = { holders: [], waiting: [] };
    table.locks.set(name, lock);
  }
  const held = lock.holders.find((holder) => holder.owner === owner);
  if (held !== undefined) {
    if (held.mode === mode) {
      held.endsAtMs = leaseEnd(message.leaseMs, nowMs);
      effects.push({ type: 'granted', request, fence: held.fence, leaseEndsAtMs: toWire(held.endsAtMs) });
    } else refuse('conflict', `its owner has it for ${held.mode}; unlock it first`);
    return;
  }
  if (lock.waiting.length >= table.limits.lockWaitersMax) {
    refuse('too_many_requests', `${lock.waiting.length} are waiting for it`);
    return;
  }
  const waiter: Waiter = { ...message, giveUpAtMs: nowMs + message.waitMs };
  lock.waiting.push(waiter);
  serve(table, name, nowMs, effects);
  if (message.waitMs > 0 || !lock.waiting.includes(waiter)) return;
  lock.waiting = lock.waiting.filter((one) => one !== waiter);
  refuse('conflict', 'another owner has it');
}

function unlock(
  table: LockTable,
  message: Extract<LockMessage, { type: 'unlock' }>,
  effects: LockEffect[],
): void {
  const { request, name, owner, nowMs } = message;
  expire(table, name, nowMs, effects);
  const lock = table.locks.get(name);
  const held = lock?.holders.some((holder) => holder.owner === owner) ?? false;
  if (lock !== undefined) {
    drop(lock, name, (one) => one === owner, effects);
    serve(table, name, nowMs, effects);
  }
  if (held) effects.push({ type: 'unlocked', request });
  else {
    const error = lockError(
      'not_found',
      `State ${showName(name)} is not locked by this owner, or its lease ended`,
    );
    effects.push({ type: 'refused', request, error });
  }
}

/** Takes an owner's holdings and waits away. */
function drop(lock: Lock, name: string, isDropped: (owner: string) => boolean, effects: LockEffect[]): void {
  lock.holders = lock.holders.filter(({ owner }) => !isDropped(owner));
  for (const { owner, request } of lock.waiting) {
    if (!isDropped(owner)) continue;
    const error = lockError('cancelled', `The wait for state ${showName(name)} was given up by its owner`);
    effects.push({ type: 'refused', request, error });
  }
  lock.waiting = lock.waiting.filter(({ owner }) => !isDropped(owner));
}

function expire(table: LockTable, name: string, nowMs: number, effects: LockEffect[]): void {
  const lock = table.locks.get(name);
  if (lock === undefined) return;
  lock.holders = lock.holders.filter(({ endsAtMs }) => endsAtMs > nowMs);
  serve(table, name, nowMs, effects);
  for (const { giveUpAtMs, request, waitMs } of lock.waiting) {
    if (giveUpAtMs > nowMs) continue;
    const error = lockError('deadline_exceeded', `State ${showName(name)} stayed locked for ${waitMs} ms`);
    effects.push({ type: 'refused', request, error });
  }
  const waited = lock.waiting.length;
  lock.waiting = lock.waiting.filter(({ giveUpAtMs }) => giveUpAtMs > nowMs);
  if (lock.waiting.length < waited) serve(table, name, nowMs, effects);
}

/** Grants the lock to those at the front who can have it, and forgets a lock that nobody wants. */
function serve(table: LockTable, name: string, nowMs: number, effects: LockEffect[]): void {
  const lock = table.locks.get(name);
  if (lock === undefined) return;
  for (let first = lock.waiting[0]; first !== undefined; first = lock.waiting[0]) {
    const { mode } = first;
    const free =
      mode === 'write' ? lock.holders.length === 0 : lock.holders.every((holder) => holder.mode === 'read');
    if (!free) break;
    lock.waiting.shift();
    const fence = ++table.lastFence;
    const endsAtMs = leaseEnd(first.leaseMs, nowMs);
    lock.holders.push({ owner: first.owner, mode, fence, endsAtMs });
    effects.push({ type: 'granted', request: first.request, fence, leaseEndsAtMs: toWire(endsAtMs) });
  }
  if (lock.holders.length === 0 && lock.waiting.length === 0) table.locks.delete(name);
}

function leaseEnd(leaseMs: number, nowMs: number): number {
  return leaseMs === 0 ? Number.POSITIVE_INFINITY : nowMs + leaseMs;
}

function toWire(endsAtMs: number): number | null {
  return Number.isFinite(endsAtMs) ? Math.floor(endsAtMs) : null;
}

function isPartOf(owner: string, whole: string): boolean {
  return owner === whole || owner.startsWith(`${whole}/`);
}

function lockError(code: FaasmError['code'], message: string): FaasmError {
  return new FaasmError(code, message, { details: { component: 'state' } });
}
