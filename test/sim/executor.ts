/**
 * The executors of a host of a simulated world: fakes, whose guests are the scripts of guests.ts and have the real local
 * tier of state. What is on them is told to who checks it; while there are faults they die, and have little room.
 */
import type { CallEnd } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId, FunctionName, UserName } from '../../proto/names.ts';
import { createFakeExecutors, type FakeHost } from '../../src/executor/fake.ts';
import type { CallToRun, Executor, ExecutorEvents, StartExecutor } from '../../src/executor/port.ts';
import type { Program } from '../../src/faaslet/program.ts';
import type { AskHost } from '../../src/guest/port.ts';
import type { Timers } from '../../src/power/port.ts';
import { createLocalTier, type GuestState } from '../../src/state/tier/local-tier.ts';
import type { SimRandom } from './random.ts';
import type { Life, World } from './world.ts';

export interface ExecutorFaults {
  /** Of a call that begins, each. */
  death: number;
  /** Of an executor, each: that it has room for few calls. */
  narrow: number;
}

export const noExecutorFaults: ExecutorFaults = { death: 0, narrow: 0 };

/** What is seen of calls, for who checks it. */
export interface ExecutorObserver {
  posted(run: SeenRun): void;
  begun(run: SeenRun): void;
  /** It is not on its executor any more. */
  left(run: SeenRun): void;
}

export type SeenRun = Pick<CallToRun, 'id' | 'user' | 'input' | 'depth' | 'attempt'> & {
  readonly host: string;
  readonly executor: string;
  readonly function: FunctionName;
  /** It was answered, and its guest may not have noticed. */
  isCancelled: boolean;
};

/** As a script has it. */
export interface Guest extends Pick<FakeHost, 'compute' | 'sleep' | 'await'> {
  readonly call: SeenRun;
  /** Of the function. */
  readonly version: string;
  readonly random: SimRandom;
  readonly state: GuestState;
  /** Lets others in meanwhile. */
  wait<T>(until: T | Promise<T>): Promise<T>;
  chain(name: string, input: Uint8Array): number;
  /** Ends its executor, soon. */
  crash(): void;
}

/** @returns the output @throws FaasmError */
export type Script = (guest: Guest) => Promise<Uint8Array>;

export interface SimExecutorsOptions {
  readonly world: World;
  readonly host: string;
  readonly random: SimRandom;
  readonly faults: ExecutorFaults;
  readonly observer: ExecutorObserver;
  readonly scripts: Readonly<Record<string, Script>>;
  readonly ask: AskHost;
  /** Of one executor. */
  createLife(id: number): { readonly life: Life; readonly timers: Timers };
  /** An asynchronous call has begun. */
  mark(id: CallId, attempt: number): void;
}

interface Known {
  readonly seen: SeenRun;
  state: GuestState | undefined;
}

const startMs = 20;
const narrowCalls = 2;
const lockWaitMs = 3000;
/** What goes from one thread to another takes so long. */
const hopMs = 0.02;

export function createSimExecutors(options: SimExecutorsOptions): StartExecutor {
  const { world, host, random, faults, observer, scripts, ask } = options;
  return (id, owner, events) => {
    const { life, timers } = options.createLife(id);
    const known = new Map<CallId, Known>();
    const tier = createLocalTier({
      owner,
      timers,
      lockWaitMs,
      ask: (op, user, key, value) => ask('state', op, user, { key, value }),
    });
    const left = (call: CallId): void => {
      const one = known.get(call);
      known.delete(call);
      if (one === undefined) return;
      one.state?.end();
      observer.left(one.seen);
    };

    const die = (withinMs: number, why: string): void =>
      void world.after(random.between(0, withinMs), life, `${owner} dies`, () => executor.kill(why));

    const play = async (call: CallToRun, program: Program, fake: FakeHost): Promise<CallEnd> => {
      const one = known.get(call.id)!;
      if (call.attempt !== undefined) options.mark(call.id, call.attempt);
      observer.begun(one.seen);
      if (random.chance(faults.death)) die(20, 'the simulator had it die');
      one.state = tier.begin(call.user as UserName);
      await fake.compute(0.05);
      const guest: Guest = {
        call: one.seen,
        version: program.version,
        random,
        state: one.state,
        compute: fake.compute,
        sleep: fake.sleep,
        await: fake.await,
        wait: async (until) => (until instanceof Promise ? await fake.wait(until) : until),
        chain: (name, input) => fake.chain(name as FunctionName, input),
        crash: () => die(30, 'its guest had it crash'),
      };
      return { output: await scripts[program.function]!(guest), returnValue: 0 };
    };

    const told: ExecutorEvents = {
      ...events,
      ended(call, end) {
        if (end.error !== undefined) world.trace(`${call} ended: ${end.error.message}`);
        left(call);
        events.ended(call, end);
      },
      full(call, error) {
        left(call);
        events.full(call, error);
      },
      gone(why, notBegun, exhausted) {
        // What it had locked is freed by whoever hears that it is gone.
        for (const one of known.values()) observer.left(one.seen);
        world.trace(`${owner} gone: ${why}`);
        life.isAlive = false;
        events.gone(why, notBegun, exhausted);
      },
    };

    const after = (delayMs: number, work: () => void) => timers.after(Math.max(hopMs, delayMs), work);
    const start = createFakeExecutors({
      timers: { after },
      startMs,
      guest: play,
      ask,
      ...(random.chance(faults.narrow) && { faasletsMax: narrowCalls }),
    });
    const executor = start(id, owner, told);
    return wrap(executor, {
      run(call, program) {
        const { id: call_, user, input, depth, attempt } = call;
        const seen: SeenRun = {
          id: call_,
          user,
          input,
          depth,
          host,
          executor: owner,
          function: program.function,
          isCancelled: false,
          ...(attempt !== undefined && { attempt }),
        };
        known.set(call.id, { seen, state: undefined });
        observer.posted(seen);
        executor.run(call, program);
      },
      withdraw(ids) {
        const got = executor.withdraw(ids);
        for (const one of got) left(one);
        return got;
      },
      cancel(call) {
        const one = known.get(call);
        if (one !== undefined) one.seen.isCancelled = true;
        executor.cancel(call);
      },
    });
  };
}

/** The executor, with some of what it does done otherwise. */
function wrap(executor: Executor, other: Partial<Executor>): Executor {
  return new Proxy(executor, {
    get(target, name: keyof Executor) {
      const member = other[name] ?? target[name];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** What a script ends with that is to fail. */
export function guestFailure(code: FaasmError['code'], returnValue: number): FaasmError {
  return new FaasmError(code, `a guest of the simulator ended with ${code}`, { details: { returnValue } });
}
