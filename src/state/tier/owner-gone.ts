/** An executor is gone: what it and its calls had is free, and what it wrote is pushed. */
import type { LockRequests } from '../core/lock-requests.ts';
import type { MutexOwners } from './mutex-owners.ts';
import type { Values } from './values.ts';

export interface OwnerGoneOptions {
  readonly values: Values;
  readonly locks: LockRequests;
  readonly owners: MutexOwners;
  /** A value has something to push. */
  readonly onDirty: (name: string) => void;
}

export function ownerGone(owner: string, { values, locks, owners, onDirty }: OwnerGoneOptions): void {
  const locked = locks.lockedAmongHosts(owner);
  if (locked.length === 0) locks.ownerGone(owner);
  // What it has written under its locks goes out under them still.
  else void Promise.allSettled(locked.map((name) => values.settle(name))).then(() => locks.ownerGone(owner));
  const mutexOwner = owners.forget(owner);
  if (mutexOwner === undefined) return;
  values.residents.ownerGone(mutexOwner);
  // It may have ended between its last write and telling of it.
  for (const { name } of values.residents.dirty()) onDirty(name);
}
