/** The executors of this host: started and ended as the core says, and what each tells of itself. */
import type { HostId } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { type Bus, Encodable } from '../bus/port.ts';
import type { Executor, ExecutorSample, StartExecutor } from '../executor/port.ts';
import type { Log } from '../log.ts';
import type { Clock, Timers } from '../power/port.ts';
import { within } from '../power/within.ts';
import type { PoolMessage } from './decide.ts';
import { executorGoneCodec } from './messages.ts';
import type { CallProgress } from './progress.ts';

export interface ExecutorsOptions {
  readonly clock: Clock;
  readonly privateBus: Bus;
  readonly host: HostId;
  readonly start: StartExecutor;
  readonly log: Log;
  /** Tells the core. */
  step(message: PoolMessage): void;
}

/** What executors may take to end when the host stops. */
const endMs = 5000;

export class Executors {
  readonly #options: ExecutorsOptions;
  readonly #all = new Map<number, Executor>();
  /** From when on none is started. */
  #stopped: PromiseWithResolvers<void> | undefined;

  constructor(options: ExecutorsOptions) {
    this.#options = options;
  }

  get(id: number): Executor | undefined {
    return this.#all.get(id);
  }

  samples(): ExecutorSample[] {
    return [...this.#all.values()].map((executor) => executor.sample());
  }

  /** No call of this program will come any more. */
  forget(programKey: string): void {
    for (const executor of this.#all.values()) executor.forget(programKey);
  }

  start(id: number, progress: CallProgress): void {
    const { clock, privateBus, host, start, log, step } = this.#options;
    if (this.#stopped !== undefined) return;
    const owner = `${host}-executor-${id}`;
    const executor = start(id, owner, {
      ...progress,
      ready(memory) {
        log.debug({ executor: id, memory }, 'executor ready');
        step({ type: 'ready', executor: id, nowMs: clock.steadyMs() });
      },
      crowded: () => {
        for (const other of this.#all.values()) if (other.id !== id) other.evict();
      },
      gone: (why, notBegun, exhausted) => {
        this.#all.delete(id);
        if (this.#all.size === 0) this.#stopped?.resolve();
        privateBus.tell(privateSubjects.executorGone(), new Encodable({ owner }, executorGoneCodec));
        step({ type: 'gone', executor: id, why, exhausted, notBegun, nowMs: clock.steadyMs() });
      },
    });
    this.#all.set(id, executor);
  }

  /** Ends all of them, whatever they do. */
  async stop(timers: Timers): Promise<void> {
    this.#stopped = Promise.withResolvers();
    for (const executor of this.#all.values()) executor.kill('the host is stopping');
    if (this.#all.size > 0) await within(timers, endMs, this.#stopped.promise);
    const { size } = this.#all;
    if (size > 0) this.#options.log.error({ executors: size }, 'executors cannot be stopped, and are left');
  }
}
