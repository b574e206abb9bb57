/** Those who ask for locks, until they have their answer: first of this host's table, then, with several hosts, of all. */
import type { FaasmError } from '../../../proto/errors.ts';
import type { Clock } from '../../power/port.ts';
import type { LockGrant, LockOptions } from '../tier/messages.ts';
import { isLockLost } from './condition.ts';
import type { GlobalLocks } from './global-locks.ts';
import type { LockEffect, LockMessage } from './locks.ts';

export interface LockRequestsOptions {
  readonly clock: Clock;
  /** Gives the table a message; its effects come back by `settle`. */
  readonly step: (message: LockMessage) => void;
  /** Nothing: there is one host. */
  readonly globalLocks: GlobalLocks | undefined;
}

interface Waiting {
  resolve(grant: LockGrant | undefined): void;
  reject(error: FaasmError): void;
}

export class LockRequests {
  readonly #options: LockRequestsOptions;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(options: LockRequestsOptions) {
    this.#options = options;
  }

  /** @throws FaasmError `conflict`, `deadline_exceeded`, `too_many_requests`, `cancelled`, `lock_lost`, `storage_unavailable` */
  async lock(name: string, { owner, mode, leaseMs, waitMs }: LockOptions): Promise<LockGrant> {
    const { clock, globalLocks } = this.#options;
    const nowMs = clock.steadyMs();
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
      await this.#options.globalLocks?.release(name, owner);
    } finally {
      await this.#unlockHere(name, owner);
    }
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

  async #unlockHere(name: string, owner: string): Promise<void> {
    const nowMs = this.#options.clock.steadyMs();
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
