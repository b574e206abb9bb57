/** Time and chance of one life: its clocks drift, and somebody may set the one on the wall. */
import type { Powers, Timer } from '../../src/power/port.ts';
import type { SimRandom } from './random.ts';
import { type Event, epochMs, type Life, type World } from './world.ts';

export interface LifeClock {
  /** Of a second, what it is wrong by. */
  readonly drift: number;
  /** How far the clock on the wall is off. */
  offsetMs: number;
}

/** A timer of Node waits for a millisecond at the least; what a fake of a thread takes is less. */
const leastMs = 0.01;

class SimTimer implements Timer {
  readonly #start: () => Event;
  readonly #world: World;
  event: Event;

  constructor(world: World, start: () => Event) {
    this.#world = world;
    this.#start = start;
    this.event = start();
  }

  refresh(): void {
    this.#world.cancel(this.event);
    this.event = this.#start();
  }

  unref(): Timer {
    return this;
  }
}

/** The first line of the program that is above. */
function callerOf(): string | undefined {
  const lines = new Error().stack?.split('\n') ?? [];
  return lines.find((line) => /\/(?:src|actors)\//.test(line))?.replace(/^.*\/((?:src|actors)\/)/, '$1');
}

export function createSimPowers(world: World, life: Life, clock: LifeClock, random: SimRandom): Powers {
  const rate = 1 + clock.drift;
  const bornMs = world.nowMs;
  const bootedMs = epochMs + bornMs + clock.offsetMs;
  const monotonicMs = (): number => (world.nowMs - bornMs) * rate;

  function after(delayMs: number, work: () => void, what = 'timer'): SimTimer {
    const by = world.tracksTimers ? callerOf() : undefined;
    return new SimTimer(world, () => {
      const event = world.after(Math.max(leastMs, delayMs) / rate, life, what, work);
      event.by = by;
      return event;
    });
  }

  function every(periodMs: number, work: () => void): Timer {
    const timer = after(
      periodMs,
      () => {
        timer.refresh();
        work();
      },
      'timer again',
    );
    return timer;
  }

  const cancel = (timer: Timer | undefined): void => {
    if (timer !== undefined) world.cancel((timer as SimTimer).event);
  };

  return {
    clock: {
      wallMs: () => Math.floor(epochMs + world.nowMs + clock.offsetMs),
      steadyMs: () => bootedMs + monotonicMs(),
      monotonicMs,
    },
    timers: {
      after,
      every,
      soon: (work) => void world.after(0, life, 'soon', work),
      cancel,
      sleep: (delayMs, { signal } = {}) =>
        new Promise((resolve, reject) => {
          signal?.throwIfAborted();
          const stop = (): void => {
            cancel(timer);
            reject(signal?.reason);
          };
          const timer = after(delayMs, () => {
            signal?.removeEventListener('abort', stop);
            resolve();
          });
          signal?.addEventListener('abort', stop, { once: true });
        }),
    },
    random: {
      unit: random.unit,
      bytes: random.bytes,
      fill: (target) => void random.bytes(target.length).copy(target),
    },
  };
}
