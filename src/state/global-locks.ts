/**
 * Locks on state values among hosts. Each host first grants a lock to one of its own, in the order in which they asked;
 * whoever was granted then takes it here, where the hosts meet.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { FaasmError } from '../../proto/errors.ts';
import { steadyMs } from '../clock.ts';
import type { LockMode } from './locks.ts';
import { showName } from './value-name.ts';

export interface LockTaken {
  /** Grows with every grant of any host; renewing keeps it. */
  readonly fence: number;
  /** Unix milliseconds. */
  readonly leaseEndsAtMs: number;
}

export interface LockStore {
  /** Takes it, or renews the lease of an owner that has it. Nothing: others have it. @throws FaasmError `storage_unavailable` */
  take(name: string, owner: string, mode: LockMode, leaseMs: number): Promise<LockTaken | undefined>;
  /** @throws FaasmError `storage_unavailable` */
  release(name: string, owner: string): Promise<void>;
}

export interface GlobalLocksOptions {
  readonly store: LockStore;
  /** What this host's owners are called among hosts. */
  readonly host: string;
  /** A lock could not be renewed or given back: it is free when its lease ends. */
  onLost(name: string, error: unknown): void;
}

interface Held {
  readonly name: string;
  readonly owner: string;
  readonly mode: LockMode;
}

/** Of a lock that is held until it is given back; it is renewed in time, and free so long after its host is gone. */
const ownLeaseMs = 15_000;
const renewMs = ownLeaseMs / 3;
const pollMinMs = 2;
const pollMaxMs = 25;

export class GlobalLocks {
  readonly #options: GlobalLocksOptions;
  /** Those that are renewed. */
  readonly #held = new Map<string, Held>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: GlobalLocksOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#renew(), renewMs).unref();
  }

  /**
   * @param leaseMs 0: until it is given back
   * @param untilMs Unix milliseconds; at least one try is made
   * @throws FaasmError `deadline_exceeded`; `conflict` when it is to be had at once; `storage_unavailable`
   */
  async take(held: Held, leaseMs: number, untilMs: number): Promise<LockTaken> {
    const { store } = this.#options;
    const { name, owner, mode } = held;
    for (let pollMs = pollMinMs; ; pollMs = Math.min(pollMs * 1.5, pollMaxMs)) {
      const taken = await store.take(name, this.#ownerOf(owner), mode, leaseMs === 0 ? ownLeaseMs : leaseMs);
      if (taken !== undefined) {
        if (leaseMs === 0) this.#held.set(`${name} ${owner}`, held);
        return taken;
      }
      if (steadyMs() >= untilMs) {
        throw new FaasmError('deadline_exceeded', `State ${showName(name)} is locked on another host`, {
          details: { component: 'state' },
        });
      }
      await delay(Math.min(pollMs, Math.max(1, untilMs - steadyMs())));
    }
  }

  /** @throws FaasmError `storage_unavailable`; it is free when its lease ends */
  async release(name: string, owner: string): Promise<void> {
    this.#held.delete(`${name} ${owner}`);
    await this.#options.store.release(name, this.#ownerOf(owner));
  }

  /** Gives back what it and its parts have. */
  ownerGone(owner: string): void {
    for (const one of [...this.#held.values()]) {
      if (one.owner !== owner && !one.owner.startsWith(`${owner}/`)) continue;
      this.release(one.name, one.owner).catch((error) => this.#options.onLost(one.name, error));
    }
  }

  /** Gives everything back. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const all = [...this.#held.values()];
    const released = await Promise.allSettled(all.map(({ name, owner }) => this.release(name, owner)));
    for (const [at, result] of released.entries()) {
      if (result.status === 'rejected') this.#options.onLost(all[at]!.name, result.reason);
    }
  }

  #renew(): void {
    const { store, onLost } = this.#options;
    for (const [id, { name, owner, mode }] of this.#held) {
      store
        .take(name, this.#ownerOf(owner), mode, ownLeaseMs)
        .then((taken) => {
          if (taken !== undefined || !this.#held.delete(id)) return;
          onLost(name, new FaasmError('conflict', 'its lease ended before it could be renewed'));
        })
        .catch((error) => onLost(name, error));
    }
  }

  #ownerOf(owner: string): string {
    return `${this.#options.host}/${owner}`;
  }
}
