/** What a host has started, and ends in the reverse order: all of it, also where some of it fails. */
import type { Config } from '../config/config.ts';
import type { Clock } from '../power/port.ts';

export class Closers {
  readonly #clock: Clock;
  readonly #drainMs: number;
  readonly #all: (() => unknown)[] = [];
  #drainEndsMs = Number.POSITIVE_INFINITY;

  /** All that waits, for calls and for state to be saved, waits no longer than the drain together. */
  constructor(clock: Clock, { delayMs, timeoutMs }: Pick<Config['drain'], 'delayMs' | 'timeoutMs'>) {
    this.#clock = clock;
    this.#drainMs = delayMs + timeoutMs;
  }

  /** What stops is told what is left of the drain, in milliseconds. */
  use<T extends { stop(leftMs: number): unknown }>(actor: T): T {
    this.defer((leftMs) => actor.stop(leftMs));
    return actor;
  }

  defer(close: (leftMs: number) => unknown): void {
    this.#all.push(() => close(Math.max(0, Math.ceil(this.#drainEndsMs - this.#clock.monotonicMs()))));
  }

  /** Ends what was started where not all of it can be. @throws what `start` throws */
  async unlessAllStarts<T>(start: () => Promise<T>): Promise<T> {
    try {
      return await start();
    } catch (error) {
      await this.close().catch(() => {});
      throw error;
    }
  }

  /** @throws what the first of them failed with */
  async close(): Promise<void> {
    this.#drainEndsMs = this.#clock.monotonicMs() + this.#drainMs;
    const failures: unknown[] = [];
    for (let close = this.#all.pop(); close !== undefined; close = this.#all.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
