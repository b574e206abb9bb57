/**
 * Executors in the thread of whoever starts them, whose guests are scripts: for tests, and for a simulator, as all time
 * that passes here passes by the timers that it is given.
 */
import { type CallEnd, type CallError, type ChainedCall, failedEnd, toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId, FunctionName } from '../../proto/names.ts';
import type { Program } from '../faaslet/program.ts';
import type { AskHost } from '../guest/port.ts';
import type { Timers } from '../power/port.ts';
import { controlWords, GuestGate } from './guest-gate.ts';
import type {
  CallToRun,
  Executor,
  ExecutorEvents,
  ExecutorSample,
  Initialized,
  StartExecutor,
} from './port.ts';

/** What a guest does. What it throws is the error of its call. */
export type FakeGuest = (call: CallToRun, program: Program, host: FakeHost) => CallEnd | Promise<CallEnd>;

/** What a guest may do. */
export interface FakeHost {
  /** Is inside for so long; with infinity, until it is killed. */
  compute(ms: number): Promise<void>;
  /** Waits, while others are inside. */
  sleep(ms: number): Promise<void>;
  /** Waits for it, while others are inside. */
  wait<T>(work: Promise<T>): Promise<T>;
  /** @returns the handle of the chained call */
  chain(name: FunctionName, input: Uint8Array): number;
  await(handle: number): Promise<CallEnd>;
  ask(service: string, op: string, body: unknown): Promise<unknown>;
}

export interface FakeExecutorsOptions {
  readonly timers: Pick<Timers, 'after'>;
  readonly guest: FakeGuest;
  /** @default nothing that can be kept */
  readonly initialize?: (program: Program) => Initialized;
  readonly ask: AskHost;
  /** @default 0 */
  readonly startMs?: number;
  /** So many calls have begun at once at most. @default any number */
  readonly faasletsMax?: number;
}

export function createFakeExecutors(options: FakeExecutorsOptions): StartExecutor {
  return (id, _owner, events) => new FakeExecutor(id, options, events);
}

interface Run {
  /** By which the gate knows it. */
  readonly number: number;
  readonly id: CallId;
  /** Enters the guest. */
  readonly enter: () => void;
  begun: boolean;
  cancelled: boolean;
  computedMs: number;
  lastHandle: number;
  pending: ChainedCall[];
  readonly awaited: Map<number, PromiseWithResolvers<CallEnd>>;
}

const cancelled: CallError = { code: 'cancelled', message: 'The call was cancelled', details: {} };
const full: CallError = { code: 'no_capacity', message: 'No room for another Faaslet', details: {} };
const nothing: Initialized = { state: undefined, error: undefined };

class FakeExecutor implements Executor {
  readonly id: number;
  readonly #options: FakeExecutorsOptions;
  readonly #events: ExecutorEvents;
  readonly #control = new Int32Array(2);
  readonly #gate = new GuestGate(this.#control);
  readonly #runs = new Map<CallId, Run>();
  /** Given before it was ready. */
  #early: Run[] | undefined = [];
  #lastNumber = 0;
  #killed: string | undefined;

  constructor(id: number, options: FakeExecutorsOptions, events: ExecutorEvents) {
    this.id = id;
    this.#options = options;
    this.#events = events;
    options.timers.after(options.startMs ?? 0, () => this.#start());
  }

  run(call: CallToRun, program: Program): void {
    const run = this.#add(call.id, () => void this.#play(run, call, program));
  }

  initialize({ id }: Pick<CallToRun, 'id'>, program: Program): void {
    const run = this.#add(id, () => {
      const left = this.#options.initialize?.(program) ?? nothing;
      this.#finish(run, () => this.#events.initialized(id, left));
    });
  }

  withdraw(ids: readonly CallId[]): CallId[] {
    return ids.filter((id) => this.#runs.get(id)?.begun === false && this.#runs.delete(id));
  }

  cancel(id: CallId): void {
    const run = this.#runs.get(id);
    if (!run?.begun) return;
    run.cancelled = true;
    if (this.#control[controlWords.current] !== run.number) this.#endCancelled(run);
  }

  settle(id: CallId, _run: number, handle: number, end: CallEnd): void {
    this.#runs.get(id)?.awaited.get(handle)?.resolve(end);
  }

  refuse(id: CallId, _run: number, { code, message }: CallError): void {
    for (const waiting of this.#runs.get(id)?.awaited.values() ?? []) {
      waiting.reject(new FaasmError(code, message));
    }
  }

  forget(): void {}

  evict(): void {}

  demote(): void {}

  sample(): ExecutorSample {
    const inside = this.#control[controlWords.current];
    const run = [...this.#runs.values()].find(({ number }) => number === inside);
    return { executor: this.id, turn: this.#control[controlWords.turn]!, current: run?.id };
  }

  kill(why: string): void {
    if (this.#killed !== undefined) return;
    this.#killed = why;
    if (this.#early === undefined) this.#options.timers.after(0, () => this.#end());
  }

  #start(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    if (this.#killed !== undefined) {
      this.#end();
      return;
    }
    this.#events.ready('fake');
    for (const run of early) this.#post(run);
  }

  #end(): void {
    const notBegun = [...this.#runs.values()].filter(({ begun }) => !begun).map(({ id }) => id);
    this.#events.gone(this.#killed!, notBegun, undefined);
  }

  #add(id: CallId, enter: () => void): Run {
    const run: Run = {
      number: this.#lastNumber++,
      id,
      enter,
      begun: false,
      cancelled: false,
      computedMs: 0,
      lastHandle: 0,
      pending: [],
      awaited: new Map(),
    };
    this.#runs.set(id, run);
    if (this.#early === undefined) this.#post(run);
    else this.#early.push(run);
    return run;
  }

  #post(run: Run): void {
    this.#options.timers.after(0, () =>
      this.#gate.enter(run.number, run.number, () => {
        if (this.#isOver(run)) this.#gate.leave(run.number);
        else this.#begin(run);
      }),
    );
  }

  #begin(run: Run): void {
    const begun = [...this.#runs.values()].filter((run) => run.begun).length;
    if (begun >= (this.#options.faasletsMax ?? Number.POSITIVE_INFINITY)) {
      this.#tell(() => this.#events.crowded());
      this.#finish(run, () => this.#events.full(run.id, full));
      return;
    }
    run.begun = true;
    run.enter();
  }

  async #play(run: Run, call: CallToRun, program: Program): Promise<void> {
    let end: CallEnd;
    try {
      end = await this.#options.guest(call, program, this.#hostOf(run, call, program));
    } catch (thrown) {
      end = failedEnd(toCallError(FaasmError.from(thrown)));
    }
    if (this.#isOver(run)) return;
    const chains = run.pending.length > 0 && end.error === undefined ? { chains: run.pending } : {};
    const whole = { ...end, ...chains, ranUs: Math.round(run.computedMs * 1000) };
    this.#finish(run, () => this.#events.ended(run.id, whole));
  }

  #hostOf(run: Run, { depth }: CallToRun, { user }: Program): FakeHost {
    const { timers, ask } = this.#options;
    const after = (ms: number): Promise<void> =>
      new Promise((resolve) => ms < Number.POSITIVE_INFINITY && timers.after(ms, resolve));
    return {
      compute: async (ms) => {
        await after(ms);
        run.computedMs += ms;
        // Whoever stopped it does not see it go on.
        if (this.#isOver(run)) await new Promise(() => {});
      },
      sleep: (ms) => this.#wait(run, after(ms)),
      wait: (work) => this.#wait(run, work),
      chain: (name, input) => {
        run.pending.push({ handle: ++run.lastHandle, function: name, input });
        return run.lastHandle;
      },
      await: (handle) => {
        const awaited = Promise.withResolvers<CallEnd>();
        run.awaited.set(handle, awaited);
        const calls = run.pending;
        run.pending = [];
        const wanted = { run: run.number, depth, calls };
        if (calls.length > 0) this.#tell(() => this.#events.chain(run.id, wanted));
        return this.#wait(run, awaited.promise);
      },
      ask: (service, op, body) => this.#wait(run, ask(service, op, user, body)),
    };
  }

  /** Never comes back to a call that is over. */
  #wait<T>(run: Run, work: Promise<T>): Promise<T> {
    this.#gate.leave(run.number);
    if (run.cancelled) this.#endCancelled(run);
    return new Promise((resolve, reject) => {
      const back = (go: () => void): void => {
        if (this.#isOver(run)) return;
        this.#gate.enter(run.number, run.number, () => {
          if (this.#isOver(run)) this.#gate.leave(run.number);
          else go();
        });
      };
      work.then(
        (value) => back(() => resolve(value)),
        (error) => back(() => reject(error)),
      );
    });
  }

  #endCancelled(run: Run): void {
    this.#finish(run, () => this.#events.ended(run.id, failedEnd(cancelled)));
  }

  #finish(run: Run, tell: () => void): void {
    this.#runs.delete(run.id);
    this.#gate.leave(run.number);
    this.#tell(tell);
  }

  /** In its turn, as from another thread. */
  #tell(tell: () => void): void {
    if (this.#killed === undefined) this.#options.timers.after(0, tell);
  }

  #isOver(run: Run): boolean {
    return this.#killed !== undefined || this.#runs.get(run.id) !== run;
  }
}
