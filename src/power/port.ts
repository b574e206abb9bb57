/**
 * What the parts of a host may not take by themselves: time and chance. They are handed in, so that a simulator can
 * hold them. `node.ts` has the real ones; src/power/host.ts has what a whole host is handed.
 */

export interface Clock {
  /** Unix milliseconds as people and stores read them; goes back when somebody sets the clock. Whole. */
  wallMs(): number;
  /** Unix milliseconds that only go forward, for deadlines and leases; the same in all threads. With fractions. */
  steadyMs(): number;
  /** Milliseconds since some moment, for durations inside this thread. With fractions. */
  monotonicMs(): number;
}

export interface Timer {
  /** Waits its whole time again, from now on. */
  refresh(): unknown;
  /** Does not keep the process alive. */
  unref(): Timer;
}

export interface SleepOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether it keeps the process alive. @default true */
  readonly ref?: boolean;
}

export interface Timers {
  /** @param delayMs at most 2,147,483,647 */
  after(delayMs: number, work: () => void): Timer;
  every(periodMs: number, work: () => void): Timer;
  /** In the next turn of the event loop. */
  soon(work: () => void): void;
  cancel(timer: Timer | undefined): void;
  /** @throws the signal's reason when that is aborted */
  sleep(delayMs: number, options?: SleepOptions): Promise<void>;
}

export interface Random {
  /** At least 0, less than 1; nothing secret. */
  unit(): number;
  /** That nobody guesses. */
  bytes(count: number): Buffer;
  /** The same, in place of what is there. */
  fill(target: Buffer): void;
}

export interface Powers {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}
