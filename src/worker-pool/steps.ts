/**
 * Gives the core its messages and does what it decides: to executors, and to calls that end by it. While there are
 * calls, the core looks at executors every few milliseconds.
 */
import { failedEnd } from '../../proto/call.ts';
import type { Log } from '../log.ts';
import type { Powers, Timer } from '../power/port.ts';
import type { ChainedCalls } from './chained-calls.ts';
import { decide, type PoolEffect, type PoolMessage } from './decide.ts';
import type { Executors } from './executors.ts';
import type { Jobs } from './jobs.ts';
import type { CallProgress } from './progress.ts';
import type { PoolState } from './state.ts';

export interface StepsOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly state: PoolState;
  readonly jobs: Jobs;
  readonly chained: ChainedCalls;
  readonly executors: Executors;
  readonly progress: CallProgress;
  readonly log: Log;
}

/** How often late calls and busy executors are looked for, while there are calls. */
const tickMs = 5;

export class Steps {
  readonly #options: StepsOptions;
  #ticking: Timer | undefined;
  #isStepping = false;
  readonly #saidMeanwhile: PoolMessage[] = [];
  #whenIdle: (() => void) | undefined;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  /** What is said while effects are performed, as of what a call that ends had chained, is decided on after them. */
  take(message: PoolMessage): void {
    if (this.#isStepping) {
      this.#saidMeanwhile.push(message);
      return;
    }
    const { powers, state } = this.#options;
    this.#isStepping = true;
    try {
      let next: PoolMessage | undefined = message;
      for (; next !== undefined; next = this.#saidMeanwhile.shift()) {
        for (const effect of decide(state, next)) this.#perform(effect);
      }
    } finally {
      this.#isStepping = false;
    }
    if (state.calls.size === 0) this.stop();
    else this.#ticking ??= powers.timers.every(tickMs, this.look);
    this.noteIdle();
  }

  /** Shows the core what executors do. */
  readonly look = (): void => {
    const { powers, executors } = this.#options;
    this.take({ type: 'tick', samples: executors.samples(), nowMs: powers.clock.steadyMs() });
  };

  /** Resolves when no call is left, chained ones included. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      this.noteIdle();
    });
  }

  /** A call, or a chained one, has ended. */
  noteIdle(): void {
    const { state, chained } = this.#options;
    if (state.calls.size === 0 && chained.pending === 0) this.#whenIdle?.();
  }

  stop(): void {
    this.#options.powers.timers.cancel(this.#ticking);
    this.#ticking = undefined;
  }

  #perform(effect: PoolEffect): void {
    const { powers, jobs, chained, executors, progress, log } = this.#options;
    switch (effect.type) {
      case 'start':
        executors.start(effect.executor, progress);
        return;
      case 'stop':
        executors.get(effect.executor)?.kill('it was idle');
        return;
      case 'kill':
        log.warn({ executor: effect.executor, why: effect.why }, 'executor killed');
        executors.get(effect.executor)?.kill(effect.why);
        return;
      case 'demote':
        executors.get(effect.executor)?.demote(effect.demoted);
        return;
      case 'post': {
        const job = jobs.get(effect.id)!;
        const executor = executors.get(effect.executor)!;
        job.executor = effect.executor;
        if (job.initializes) executor.initialize(job.call, job.program);
        else executor.run(job.call, job.program);
        return;
      }
      case 'withdraw': {
        const ids = executors.get(effect.executor)?.withdraw(effect.ids) ?? [];
        if (ids.length > 0) this.take({ type: 'withdrawn', ids, nowMs: powers.clock.steadyMs() });
        return;
      }
      case 'cancel':
        executors.get(effect.executor)?.cancel(effect.id);
        return;
      case 'finish': {
        const call = jobs.get(effect.id)?.call;
        jobs.finish(effect.id, failedEnd(effect.error));
        if (call !== undefined) chained.abandoned(call);
        return;
      }
    }
  }
}
