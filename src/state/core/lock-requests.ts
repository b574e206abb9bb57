/** Those who ask for locks, until they have their answer: first of this host's table, then, with several hosts, of all. */
import type { FaasmError } from '../../../proto/errors.ts';
import type { Log } from '../../log.ts';
import type { Powers } from '../../power/port.ts';
import type { LockStore } from '../stores/port.ts';
import type { LockGrant, LockOptions } from '../tier/messages.ts';
import { isLockLost } from './condition.ts';
import { GlobalLocks } from './global-locks.ts';
import type { LockEffect, LockMessage } from './locks.ts';

export interface LockRequestsOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  /** Gives the table a message; its effects come back by `settle`. */
  readonly step: (message: LockMessage) => void;
  /** Where hosts lock; nothing where there is one host. */
  readonly store: LockStore | undefined;
  readonly host: string;
  readonly leaseMs: number;
  readonly log: Log;
}

interface Waiting {
  resolve(grant: LockGrant | undefined): void;
  reject(error: FaasmError): void;
}

export class LockRequests {
  readonly #options: LockRequestsOptions;
  readonly #globalLocks: GlobalLocks | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(options: LockRequestsOptions) {
    const { store, log } = options;
    const lost = 'a lock was lost, or not given back before its lease ends';
    this.#options = options;
    this.#globalLocks =
      store && new GlobalLocks({ ...options, store, onLost: (name, err) => log.warn({ err, name }, lost) });
  }

  /** @throws FaasmError `conflict`, `deadline_exceeded`, `too_many_requests`, `cancelled`, `lock_lost`, `storage_unavailable` */
  async lock(name: string, { owner, mode, leaseMs, waitMs }: LockOptions): Promise<LockGrant> {
    const globalLocks = this.#globalLocks;
    const nowMs = this.#options.powers.clock.steadyMs();
    const request = { name, owner, mode, leaseMs, waitMs, nowMs };
    const local = (await this.#ask((id) => ({ type: 'lock', request: id, ...request })))!;
    if (globalLocks === undefined) return local;
    try {
      const { fence, leaseEndsAtMs } = await globalLocks.take({ name, owner, mode }, leaseMs, nowMs + waitMs);
      return { fence, leaseEndsAtMs: leaseMs === 0 ? null : leaseEndsAtMs };
    } catch (error) {
      // Until its owner gives it back, what was written under it is told apart from what comes after.
      if (isLockLost(error)) throw error;
      await this.#unlockHere(name, owner).catch(() => {});
      throw error;
    }
  }

  /** @throws FaasmError `not_found` when the owner does not have it, `lock_lost`, `storage_unavailable` */
  async unlock(name: string, owner: string): Promise<void> {
    try {
      await this.#globalLocks?.release(name, owner);
    } finally {
      await this.#unlockHere(name, owner);
    }
  }

  /** Of the write lock that an owner of this host has, where several hosts lock. */
  fenceOf(name: string): number | undefined {
    return this.#globalLocks?.fenceOf(name);
  }

  /** Names of what an owner and its parts have where several hosts lock. */
  lockedAmongHosts(owner: string): string[] {
    return this.#globalLocks?.heldBy(owner) ?? [];
  }

  /** Frees what it and its parts have. */
  ownerGone(owner: string): void {
    this.#options.step({ type: 'ownerGone', owner, nowMs: this.#options.powers.clock.steadyMs() });
    this.#globalLocks?.ownerGone(owner);
  }

  /** What the table decided. */
  settle(effect: LockEffect): void {
    const waiting = this.#waiting.get(effect.request);
    this.#waiting.delete(effect.request);
    if (effect.type === 'refused') waiting?.reject(effect.error);
    else if (effect.type === 'unlocked') waiting?.resolve(undefined);
    else waiting?.resolve({ fence: effect.fence, leaseEndsAtMs: effect.leaseEndsAtMs });
  }

  refuseAll(error: FaasmError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  /** Gives back what owners of this host have. */
  async stop(): Promise<void> {
    await this.#globalLocks?.stop();
  }

  async #unlockHere(name: string, owner: string): Promise<void> {
    const nowMs = this.#options.powers.clock.steadyMs();
    await this.#ask((request) => ({ type: 'unlock', request, name, owner, nowMs }));
  }

  #ask(toMessage: (request: number) => LockMessage): Promise<LockGrant | undefined> {
    const request = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve, reject });
      this.#options.step(toMessage(request));
    });
  }
}
