/**
 * Locks on state values among hosts. Each host first grants a lock to one of its own, in the order in which they asked;
 * whoever was granted then takes it here, where the hosts meet.
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { Powers, Timer } from '../../power/port.ts';
import type { LockStore, LockTaken } from '../stores/port.ts';
import { lockLost } from './condition.ts';
import type { LockMode } from './locks.ts';
import { showName } from './value-name.ts';

export interface GlobalLocksOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly store: LockStore;
  /** What this host's owners are called among hosts. */
  readonly host: string;
  /** Of a lock that is held until it is given back; it is renewed in time, and free so long after its host is gone. */
  readonly leaseMs: number;
  /** A lock could not be renewed or given back: it is free when its lease ends. */
  onLost(name: string, error: unknown): void;
}

interface Wanted {
  readonly name: string;
  readonly owner: string;
  readonly mode: LockMode;
}

interface Asking extends Wanted {
  /** Its owner has given it back, or is gone, before it had it. */
  isGivenUp: boolean;
}

interface Held extends Wanted {
  readonly fence: number;
  /** It is not renewed any more; its owner does not know yet. */
  isLost: boolean;
}

/** So that one or two may be late. */
const renewalsPerLease = 3;
const renewMaxMs = 60_000;
const pollMinMs = 2;
const pollMaxMs = 25;

export class GlobalLocks {
  readonly #options: GlobalLocksOptions;
  /** Those that are renewed, and those that were lost until their owners give them back. */
  readonly #held = new Map<string, Held>();
  /** Those that ask for one and do not have it yet. */
  readonly #asking = new Set<Asking>();
  readonly #timer: Timer;

  constructor(options: GlobalLocksOptions) {
    this.#options = options;
    const periodMs = Math.min(options.leaseMs / renewalsPerLease, renewMaxMs);
    this.#timer = options.powers.timers.every(periodMs, () => this.#renew()).unref();
  }

  /**
   * @param leaseMs 0: until it is given back
   * @param untilMs Unix milliseconds; at least one try is made
   * @throws FaasmError `deadline_exceeded`; `lock_lost` when its owner had it, and not until now; `cancelled` when its
   * owner gave it back, or went, before it had it; `storage_unavailable`
   */
  async take(wanted: Wanted, leaseMs: number, untilMs: number): Promise<LockTaken> {
    const asking: Asking = { ...wanted, isGivenUp: false };
    this.#asking.add(asking);
    try {
      return await this.#take(asking, leaseMs, untilMs);
    } finally {
      this.#asking.delete(asking);
    }
  }

  async #take(asking: Asking, leaseMs: number, untilMs: number): Promise<LockTaken> {
    const { powers, store, leaseMs: ownLeaseMs } = this.#options;
    const { name, owner, mode } = asking;
    const known = this.#held.get(`${name} ${owner}`);
    for (let pollMs = pollMinMs; ; pollMs = Math.min(pollMs * 1.5, pollMaxMs)) {
      const taken = await store.take(name, this.#ownerOf(owner), mode, leaseMs === 0 ? ownLeaseMs : leaseMs);
      if (asking.isGivenUp) {
        if (taken !== undefined) await store.release(name, this.#ownerOf(owner), taken.fence);
        throw givenUp(name);
      }
      if (known !== undefined && known.fence !== taken?.fence) {
        await this.#lose(known);
        throw lockLost(name);
      }
      if (taken !== undefined) {
        if (leaseMs === 0) {
          const held = { name, owner, mode, fence: taken.fence, isLost: false };
          this.#held.set(`${name} ${owner}`, held);
        }
        return taken;
      }
      if (powers.clock.steadyMs() >= untilMs) {
        throw new FaasmError('deadline_exceeded', `State ${showName(name)} is locked on another host`, {
          details: { component: 'state' },
        });
      }
      await powers.timers.sleep(Math.min(pollMs, Math.max(1, untilMs - powers.clock.steadyMs())));
    }
  }

  /** Of the write lock that an owner of this host has, or had and has not given back. */
  fenceOf(name: string): number | undefined {
    for (const held of this.#held.values())
      if (held.name === name && held.mode === 'write') return held.fence;
    return undefined;
  }

  /** Names of what it and its parts have. */
  heldBy(owner: string): string[] {
    return this.#partsOf(owner).map(({ name }) => name);
  }

  /** @throws FaasmError `lock_lost` when a lock that is renewed was not held until now; `storage_unavailable`; it is free when its lease ends */
  async release(name: string, owner: string): Promise<void> {
    for (const asking of this.#asking) {
      if (asking.name === name && asking.owner === owner) asking.isGivenUp = true;
    }
    const held = this.#held.get(`${name} ${owner}`);
    this.#held.delete(`${name} ${owner}`);
    const wasHeld = await this.#options.store.release(name, this.#ownerOf(owner), held?.fence);
    if (held !== undefined && !wasHeld) throw lockLost(name);
  }

  /** Gives back what it and its parts have. */
  ownerGone(owner: string): void {
    for (const asking of this.#asking) if (isPartOf(asking, owner)) asking.isGivenUp = true;
    for (const one of this.#partsOf(owner)) {
      this.release(one.name, one.owner).catch((error) => this.#options.onLost(one.name, error));
    }
  }

  #partsOf(owner: string): Held[] {
    return [...this.#held.values()].filter((lock) => isPartOf(lock, owner));
  }

  /** Gives everything back. */
  async stop(): Promise<void> {
    this.#options.powers.timers.cancel(this.#timer);
    for (const asking of this.#asking) asking.isGivenUp = true;
    const all = [...this.#held.values()];
    const released = await Promise.allSettled(all.map(({ name, owner }) => this.release(name, owner)));
    for (const [at, result] of released.entries()) {
      if (result.status === 'rejected') this.#options.onLost(all[at]!.name, result.reason);
    }
  }

  #renew(): void {
    const { store, leaseMs, onLost } = this.#options;
    for (const held of this.#held.values()) {
      const { name, owner, mode, fence, isLost } = held;
      if (isLost) continue;
      store
        .take(name, this.#ownerOf(owner), mode, leaseMs)
        .then(async (taken) => {
          if (taken?.fence === fence || this.#held.get(`${name} ${owner}`) !== held) return;
          onLost(name, lockLost(name));
          await this.#lose(held);
        })
        .catch((error) => onLost(name, error));
    }
  }

  /** Its owner learns of it when it writes, or gives it back. */
  async #lose(held: Held): Promise<void> {
    held.isLost = true;
    // It may have been free, and granted anew as its lease was to be renewed.
    await this.#options.store.release(held.name, this.#ownerOf(held.owner));
  }

  #ownerOf(owner: string): string {
    return `${this.#options.host}/${owner}`;
  }
}

function isPartOf({ owner }: Wanted, whole: string): boolean {
  return owner === whole || owner.startsWith(`${whole}/`);
}

function givenUp(name: string): FaasmError {
  return new FaasmError('cancelled', `The wait for state ${showName(name)} was given up by its owner`, {
    details: { component: 'state' },
  });
}
