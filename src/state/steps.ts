/**
 * Gives the core its messages and does what it decides: answers those who wait for locks, pushes what is due, discards
 * uploads that were given up. While anything happens by the passing of time, the core is asked again soon.
 */
import type { Log } from '../log.ts';
import type { Powers, Timer } from '../power/port.ts';
import { decide, isIdle, type StateCore, type StateEffect, type StateMessage } from './core/decide.ts';
import type { LockRequests } from './core/lock-requests.ts';
import type { StateStore } from './stores/port.ts';
import type { Values } from './tier/values.ts';

export interface StepsOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly core: StateCore;
  readonly store: StateStore;
  readonly values: Values;
  readonly locks: LockRequests;
  readonly log: Log;
  /** After each message, until `stop`. */
  readonly onStep: () => void;
}

/** How often leases, waits and pushes that are due are looked for, while there are any. */
const tickMs = 25;

export class Steps {
  readonly #options: StepsOptions;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  take(message: StateMessage): void {
    for (const effect of this.decide(message)) this.#apply(effect);
    if (!this.#stopped) this.#options.onStep();
  }

  /** For whoever does what was decided. */
  decide(message: StateMessage): StateEffect[] {
    const effects = decide(this.#options.core, message);
    this.#arm();
    return effects;
  }

  dirtied(name: string): void {
    this.take({ type: 'dirtied', name, nowMs: this.#options.powers.clock.steadyMs() });
  }

  stop(): void {
    this.#stopped = true;
    this.#options.powers.timers.cancel(this.#timer);
  }

  #apply(effect: StateEffect): void {
    const { store, locks, log } = this.#options;
    switch (effect.type) {
      case 'granted':
      case 'unlocked':
      case 'refused':
        locks.settle(effect);
        return;
      case 'push':
        void this.#push(effect.name);
        return;
      case 'discard':
        store.discard(effect.user, effect.upload).catch((err) => log.warn({ err }, 'upload not discarded'));
        return;
      default:
        return;
    }
  }

  async #push(name: string): Promise<void> {
    const { powers, values, log } = this.#options;
    let ok = true;
    try {
      await values.pushNamed(name);
    } catch (err) {
      ok = false;
      log.warn({ err, name }, 'state not pushed; trying again');
    }
    this.take({ type: 'pushed', name, ok, nowMs: powers.clock.steadyMs() });
  }

  #arm(): void {
    const { powers, core, values } = this.#options;
    const { residents } = values;
    if (this.#timer !== undefined || this.#stopped || (isIdle(core) && !residents.hasMapped)) return;
    this.#timer = powers.timers.after(tickMs, () => {
      this.#timer = undefined;
      residents.releaseUnmapped();
      this.take({ type: 'tick', nowMs: powers.clock.steadyMs() });
    });
  }
}
