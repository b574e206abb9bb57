/**
 * An executor of a simulated world: one guest is inside at a time, as on a thread; what waits gives its place to others.
 * What a guest does is a script, in guests.ts. State is the real local tier of executors.
 */
import { type Call, type CallEnd, type CallError, type ChainedCall, failedEnd } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId, FunctionName } from '../../proto/names.ts';
import type { CallToRun, Executor, ExecutorEvents, ExecutorSample } from '../../src/executor/port.ts';
import type { Program } from '../../src/faaslet/program.ts';
import type { AskHost } from '../../src/guest/port.ts';
import type { Powers } from '../../src/power/port.ts';
import { createLocalTier, type GuestState, type LocalTier } from '../../src/state/tier/local-tier.ts';
import type { SimRandom } from './random.ts';
import type { Life, World } from './world.ts';

export interface ExecutorFaults {
  /** Of a call that begins, each. */
  death: number;
  noRoom: number;
}

export const noExecutorFaults: ExecutorFaults = { death: 0, noRoom: 0 };

/** What is seen of calls, for who checks it. */
export interface ExecutorObserver {
  posted(run: SeenRun, executor: string): void;
  /** It has not begun, and is not on its executor any more. */
  withdrawn(run: SeenRun): void;
  begun(run: SeenRun): void;
  /** It is not on its executor any more. */
  left(run: SeenRun): void;
}

export type SeenRun = Pick<Call, 'id' | 'attempt' | 'depth'> & {
  readonly host: string;
  readonly user: string;
  readonly function: FunctionName;
  readonly input: Uint8Array;
  /** It was answered, and its guest may not have noticed. */
  isCancelled: boolean;
};

/** As a script has it. */
export interface Guest {
  readonly call: SeenRun;
  /** Of the function. */
  readonly version: string;
  readonly random: SimRandom;
  readonly state: GuestState;
  /** Computes, and lets nobody else in. */
  compute(forMs: number): Promise<void>;
  /** Lets others in meanwhile. */
  wait<T>(until: T | Promise<T>): Promise<T>;
  sleep(forMs: number): Promise<void>;
  chain(name: string, input: Uint8Array): number;
  awaitChained(handle: number): Promise<CallEnd>;
}

/** @returns the output @throws GuestFailure */
export type Script = (guest: Guest) => Promise<Uint8Array>;

export class GuestFailure extends Error {
  readonly error: CallError;

  constructor(code: CallError['code'], returnValue = 1) {
    super(code);
    const message = `a guest of the simulator ended with ${code}`;
    this.error = { code, message, details: { returnValue } };
  }
}

export interface SimExecutorOptions {
  readonly world: World;
  readonly host: string;
  readonly name: string;
  readonly life: Life;
  readonly powers: Powers;
  readonly random: SimRandom;
  readonly faults: ExecutorFaults;
  readonly observer: ExecutorObserver;
  readonly script: (program: Program) => Script;
  readonly ask: AskHost;
  /** An asynchronous call has begun. */
  mark(id: CallId, attempt: number): void;
}

interface Run {
  readonly seen: SeenRun;
  readonly script: Script;
  readonly version: string;
  readonly number: number;
  begun: boolean;
  /** What it waits for ends with the call. */
  interrupt: ((reason: GuestFailure) => void) | undefined;
  computedMs: number;
  lastHandle: number;
  /** Chained, and not dispatched. */
  pending: ChainedCall[];
  readonly settled: Map<number, PromiseWithResolvers<CallEnd>>;
}

const startMs = 20;
const endMs = 3;

export class SimExecutor implements Executor {
  readonly id: number;
  readonly #options: SimExecutorOptions;
  readonly #events: ExecutorEvents;
  readonly #tier: LocalTier;
  readonly #runs = new Map<CallId, Run>();
  readonly #byNumber = new Map<number, Run>();
  /** Who wants to be inside. */
  readonly #waiting: { readonly run: Run; enter(): void }[] = [];
  #inside: Run | undefined;
  #turn = 0;
  #lastRun = 0;
  #tellFreeMs = 0;
  #isReady = false;
  #isGone = false;
  #why: string | undefined;

  constructor(id: number, options: SimExecutorOptions, events: ExecutorEvents) {
    this.id = id;
    this.#options = options;
    this.#events = events;
    const { world, life, powers, name, ask } = options;
    this.#tier = createLocalTier({
      owner: name,
      timers: powers.timers,
      lockWaitMs: 3000,
      ask: (op, user, key, value) =>
        new Promise((resolve, reject) => {
          this.#tell(() => ask('state', op, user, { key, value }).then(resolve, reject));
        }),
    });
    world.after(startMs, life, `${name} starts`, () => {
      this.#isReady = true;
      if (this.#why !== undefined) this.#end();
      else {
        events.ready('copy');
        this.#next();
      }
    });
  }

  run(call: CallToRun, program: Program): void {
    const { id, input, depth, attempt } = call;
    const { host, script, observer, name, world, life } = this.#options;
    const { user, function: fn } = program;
    const seen: SeenRun = {
      id,
      depth,
      host,
      user,
      function: fn,
      input,
      isCancelled: false,
      ...(attempt !== undefined && { attempt }),
    };
    const run = this.#add(seen, program.version, script(program));
    observer.posted(seen, name);
    world.after(0.02, life, 'posted', () => {
      if (this.#runs.get(id) === run) void this.#begin(run);
    });
  }

  initialize({ id }: Pick<CallToRun, 'id'>, program: Program): void {
    const { world, life } = this.#options;
    world.after(1, life, `${program.function} initialises`, () => {
      this.#tell(() => this.#events.initialized(id, { state: undefined, error: undefined }));
    });
  }

  settle(id: CallId, run: number, handle: number, end: CallEnd): void {
    this.#runOf(id, run)?.settled.get(handle)?.resolve(end);
  }

  refuse(id: CallId, run: number): void {
    for (const waiting of this.#runOf(id, run)?.settled.values() ?? []) {
      waiting.reject(new FaasmError('chain_refused', 'refused'));
    }
  }

  cancel(id: CallId): void {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    run.seen.isCancelled = true;
    run.interrupt?.(new GuestFailure('cancelled'));
  }

  evict(): void {}

  forget(): void {}

  withdraw(ids: readonly CallId[]): CallId[] {
    return ids.filter((id) => {
      const run = this.#runs.get(id);
      if (run === undefined || run.begun) return false;
      this.#remove(run);
      this.#options.observer.withdrawn(run.seen);
      return true;
    });
  }

  sample(): ExecutorSample {
    return { executor: this.id, turn: this.#turn, current: this.#inside?.seen.id };
  }

  kill(why: string): void {
    if (this.#isGone) return;
    this.#why ??= why;
    const { world, life, name } = this.#options;
    if (this.#isReady) world.after(endMs, life, `${name} ends`, () => this.#end());
  }

  demote(): void {}

  #runOf(id: CallId, number: number): Run | undefined {
    return this.#runs.has(id) ? this.#byNumber.get(number) : undefined;
  }

  #add(seen: SeenRun, version: string, script: Script): Run {
    const run: Run = {
      seen,
      version,
      script,
      number: ++this.#lastRun,
      begun: false,
      interrupt: undefined,
      computedMs: 0,
      lastHandle: 0,
      pending: [],
      settled: new Map(),
    };
    this.#runs.set(seen.id, run);
    this.#byNumber.set(run.number, run);
    return run;
  }

  async #begin(run: Run): Promise<void> {
    const { world, random, faults, observer, mark, life, name } = this.#options;
    const { id, attempt, user } = run.seen;
    await this.#enter(run);
    if (random.chance(faults.noRoom)) {
      this.#leave();
      this.#remove(run);
      observer.withdrawn(run.seen);
      const error = { code: 'no_capacity', message: 'no room for another Faaslet', details: {} } as const;
      this.#tell(() => this.#events.full(id, error));
      return;
    }
    run.begun = true;
    if (attempt !== undefined) mark(id, attempt);
    observer.begun(run.seen);
    if (random.chance(faults.death)) {
      this.#why = 'its thread failed: the simulator had it fail';
      world.after(random.between(0, 20), life, `${name} dies`, () => this.#end());
    }
    const state = this.#tier.begin(user as Parameters<LocalTier['begin']>[0]);
    const end = await this.#play(run, state);
    this.#leave();
    state.end();
    this.#remove(run);
    observer.left(run.seen);
    this.#tell(() => this.#events.ended(id, end));
  }

  async #play(run: Run, state: GuestState): Promise<CallEnd> {
    const guest: Guest = {
      call: run.seen,
      version: run.version,
      random: this.#options.random,
      state,
      compute: (forMs) => this.#compute(run, forMs),
      wait: (until) => this.#wait(run, until),
      sleep: (forMs) => this.#wait(run, this.#options.powers.timers.sleep(forMs)),
      chain: (name, input) => {
        const handle = ++run.lastHandle;
        run.pending.push({ handle, function: name as FunctionName, input });
        return handle;
      },
      awaitChained: (handle) => this.#awaitChained(run, handle),
    };
    const ranUs = (): number => Math.round(run.computedMs * 1000);
    try {
      await this.#compute(run, 0.05);
      const output = await run.script(guest);
      const chains = run.pending.length === 0 ? undefined : run.pending;
      return { output, returnValue: 0, ranUs: ranUs(), chains };
    } catch (thrown) {
      const error =
        thrown instanceof GuestFailure
          ? thrown.error
          : { code: FaasmError.from(thrown).code, message: String(thrown), details: {} };
      return { ...failedEnd(error), returnValue: error.details.returnValue ?? 1, ranUs: ranUs() };
    }
  }

  async #compute(run: Run, forMs: number): Promise<void> {
    const { powers } = this.#options;
    if (run.seen.isCancelled) throw new GuestFailure('cancelled');
    await powers.timers.sleep(forMs);
    run.computedMs += forMs;
    if (run.seen.isCancelled) throw new GuestFailure('cancelled');
  }

  async #wait<T>(run: Run, until: T | Promise<T>): Promise<T> {
    if (!(until instanceof Promise)) return until;
    if (run.seen.isCancelled) throw new GuestFailure('cancelled');
    this.#leave();
    const interrupted = Promise.withResolvers<never>();
    run.interrupt = interrupted.reject;
    try {
      return await Promise.race([until, interrupted.promise]);
    } finally {
      run.interrupt = undefined;
      await this.#enter(run);
    }
  }

  #awaitChained(run: Run, handle: number): Promise<CallEnd> {
    const calls = run.pending;
    run.pending = [];
    for (const call of calls) {
      const settled = Promise.withResolvers<CallEnd>();
      settled.promise.catch(() => {});
      run.settled.set(call.handle, settled);
    }
    const { id, depth } = run.seen;
    if (calls.length > 0) {
      this.#tell(() => this.#events.chain(id, { run: run.number, depth, calls }));
    }
    return this.#wait(run, run.settled.get(handle)!.promise);
  }

  #enter(run: Run): Promise<void> {
    return new Promise((enter) => {
      this.#waiting.push({ run, enter });
      this.#next();
    });
  }

  #leave(): void {
    this.#inside = undefined;
    this.#next();
  }

  #next(): void {
    if (!this.#isReady || this.#isGone || this.#inside !== undefined) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#inside = next.run;
    this.#turn++;
    next.enter();
  }

  #remove(run: Run): void {
    this.#runs.delete(run.seen.id);
    this.#byNumber.delete(run.number);
    const at = this.#waiting.findIndex((one) => one.run === run);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** What it says arrives in its order. */
  #tell(work: () => void): void {
    const { world, life, random } = this.#options;
    const atMs = Math.max(this.#tellFreeMs, world.nowMs + random.between(0.01, 0.05));
    this.#tellFreeMs = atMs;
    world.after(atMs - world.nowMs, life, 'executor tells', work);
  }

  #end(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const { life, observer, world, host } = this.#options;
    const notBegun: CallId[] = [];
    for (const { seen, begun } of this.#runs.values()) {
      if (begun) observer.left(seen);
      else {
        observer.withdrawn(seen);
        notBegun.push(seen.id);
      }
    }
    const why = this.#why ?? 'its thread ended';
    world.trace(`${host} executor ${this.id} gone: ${why}`);
    life.isAlive = false;
    this.#events.gone(why, notBegun, undefined);
  }
}
