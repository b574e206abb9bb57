/** What every executor does, whatever runs its guests. */
import test, { type ExecutionContext } from 'ava';
import type { CallEnd, CallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { noSettings } from '../../proto/function-settings.ts';
import type { CallId, UserName } from '../../proto/names.ts';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import type {
  CallToRun,
  Executor,
  ExecutorEvents,
  Initialized,
  RanBeside,
  WantedChains,
} from '../../src/executor/port.ts';
import { type Program, programKey } from '../../src/faaslet/program.ts';
import { prepareModule } from '../../src/functions/prepare.ts';
import type { AskHost } from '../../src/guest/port.ts';
import { callIdOf } from '../call-ids.ts';
import { fromWat } from '../wasm/fixtures.ts';

/** The guests that the suite runs: a fake has a script for each that does the same. */
export const guests = {
  /** Puts its input out. */
  echo: `(module
    (import "env" "__faasm_read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "__faasm_write_output" (func $write (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "_initialize"))
    (func (export "exec") (result i32)
      (call $write (i32.const 0) (call $read (i32.const 0) (i32.const 65536)))
      (i32.const 0)))`,
  /** Returns 3. */
  fails: '(module (func (export "exec") (result i32) (i32.const 3)))',
  /** Computes and never ends. */
  spins: '(module (func (export "exec") (loop $on (br $on))))',
  /** Asks for its buckets, and puts out how many there are, as a byte. */
  asks: `(module
    (import "env" "__faasm_s3_get_num_buckets" (func $count (result i32)))
    (import "env" "__faasm_write_output" (func $write (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "exec")
      (i32.store8 (i32.const 0) (call $count))
      (call $write (i32.const 0) (i32.const 1))))`,
  /** Chains echo with its input, and puts out what that returned, as a byte. */
  chains: `(module
    (import "env" "__faasm_read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
    (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
    (import "env" "__faasm_write_output" (func $write (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 1024) "echo\\00")
    (func (export "exec")
      (i32.store8 (i32.const 0)
        (call $await
          (call $chain (i32.const 1024) (i32.const 0) (call $read (i32.const 0) (i32.const 1000)))))
      (call $write (i32.const 0) (i32.const 1))))`,
  /** Chains echo, and does not wait for it. */
  leaves: `(module
    (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 1024) "echo\\00")
    (func (export "exec") (drop (call $chain (i32.const 1024) (i32.const 0) (i32.const 2)))))`,
} as const;

export type GuestName = keyof typeof guests;

/** Starts an executor whose guests ask like this. It is killed when the test is over. */
export type StartTried = (t: ExecutionContext, ask: AskHost, events: ExecutorEvents) => Executor;

type Told =
  | { readonly type: 'ready' | 'crowded' }
  | { readonly type: 'ended'; readonly id: CallId; readonly end: CallEnd }
  | ({ readonly type: 'initialized'; readonly id: CallId } & Initialized)
  | ({ readonly type: 'chain'; readonly id: CallId } & WantedChains)
  | ({ readonly type: 'chained'; readonly id: CallId } & RanBeside)
  | { readonly type: 'full'; readonly id: CallId; readonly error: CallError }
  | { readonly type: 'gone'; readonly why: string; readonly notBegun: readonly CallId[] };

export const ada = toUserName('ada');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export async function toProgram(name: GuestName, user: UserName = ada): Promise<Program> {
  const prepared = await prepareModule(fromWat(guests[name]), { memoryMaxPages: 16 });
  const key = programKey(user, toFunctionName(name), '1');
  const named = { key, version: '1', user, function: toFunctionName(name), settings: noSettings };
  return { ...named, ...prepared, proto: undefined };
}

export function executorContract(name: string, startTried: StartTried): void {
  const start = async (t: ExecutionContext, ask: AskHost = unasked) => {
    const told: Told[] = [];
    let wake = (): void => {};
    const tell = (what: Told): void => {
      told.push(what);
      wake();
    };
    const executor = startTried(t, ask, {
      ready: () => tell({ type: 'ready' }),
      ended: (id, end) => tell({ type: 'ended', id, end }),
      initialized: (id, left) => tell({ ...left, type: 'initialized', id }),
      chain: (id, wanted) => tell({ ...wanted, type: 'chain', id }),
      chained: (id, ran) => tell({ ...ran, type: 'chained', id }),
      full: (id, error) => tell({ type: 'full', id, error }),
      crowded: () => tell({ type: 'crowded' }),
      gone: (why, notBegun) => tell({ type: 'gone', why, notBegun }),
    });
    const until = async <Type extends Told['type']>(
      type: Type,
      isIt: (what: Extract<Told, { type: Type }>) => boolean = () => true,
    ): Promise<Extract<Told, { type: Type }>> => {
      for (;;) {
        const found = told.find(
          (what): what is Extract<Told, { type: Type }> =>
            what.type === type && isIt(what as Extract<Told, { type: Type }>),
        );
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    const ended = async (id: CallId): Promise<CallEnd> =>
      (await until('ended', (what) => what.id === id)).end;
    const inside = async (id: CallId): Promise<void> => {
      while (executor.sample().current !== id) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    const run = async (guest: GuestName, id: string, input = ''): Promise<CallId> => {
      const call: CallToRun = { id: callIdOf(ada, id), user: ada, input: bytes(input), depth: 0 };
      executor.run(call, await toProgram(guest));
      return call.id;
    };
    return { executor, told, until, ended, inside, run };
  };

  test(`${name}: a call is run and ends once, with its output`, async (t) => {
    const { told, ended, run } = await start(t);
    const ids: CallId[] = [];
    for (let at = 0; at < 50; at++) ids.push(await run('echo', `c${at}`, `input ${at}`));
    for (const [at, id] of ids.entries()) {
      const { output, returnValue, error, ranUs } = await ended(id);
      t.deepEqual([output, returnValue, error], [bytes(`input ${at}`), 0, undefined]);
      t.is(typeof ranUs, 'number');
    }
    t.is(told.filter(({ type }) => type === 'ended').length, ids.length);
    t.is(told[0]!.type, 'ready');
  });

  test(`${name}: a call that returns no zero fails`, async (t) => {
    const { ended, run } = await start(t);
    const { returnValue, error } = await ended(await run('fails', 'c'));
    t.is(returnValue, 3);
    t.is(error?.code, 'guest_returned');
  });

  test(`${name}: while a guest waits, others run`, async (t) => {
    const answer = Promise.withResolvers<unknown>();
    const asked: unknown[] = [];
    const { told, ended, run } = await start(t, (...ask) => {
      asked.push(ask);
      return answer.promise;
    });
    const waiting = await run('asks', 'waits');
    t.deepEqual((await ended(await run('echo', 'beside', 'x'))).output, bytes('x'));
    t.false(told.some((what) => what.type === 'ended' && what.id === waiting));
    answer.resolve({ names: ['a', 'b'], bytes: bytes('') });
    t.deepEqual((await ended(waiting)).output, Uint8Array.of(2));
    t.deepEqual(asked, [['objects', 'list', ada, { bucket: '', key: '', bytes: bytes('') }]]);
  });

  test(`${name}: what a service refuses is thrown in the guest`, async (t) => {
    const { ended, run } = await start(t, () =>
      Promise.reject(new FaasmError('storage_unavailable', 'it is away')),
    );
    const { error } = await ended(await run('asks', 'c'));
    t.is(error?.code, 'storage_unavailable');
    t.regex(error!.message, /it is away/);
  });

  test(`${name}: sample() names the call inside its guest, and counts turns`, async (t) => {
    const { executor, ended, inside, run } = await start(t);
    await ended(await run('echo', 'first'));
    const idle = executor.sample();
    t.deepEqual([idle.executor, idle.current], [executor.id, undefined]);
    await inside(await run('spins', 'spins'));
    t.true(executor.sample().turn > idle.turn);
  });

  test(`${name}: withdraw() takes back what has not begun, and nothing else`, async (t) => {
    const { executor, told, until, inside, run } = await start(t);
    const spinning = await run('spins', 'spins');
    await inside(spinning);
    const behind = [await run('echo', 'a'), await run('echo', 'b')];
    const left = await run('echo', 'left');
    t.deepEqual(executor.withdraw([spinning, ...behind, callIdOf(ada, 'unknown')]), behind);
    t.deepEqual(executor.withdraw(behind), []);
    executor.kill('enough');
    const { why, notBegun } = await until('gone');
    t.is(why, 'enough');
    t.deepEqual(notBegun, [left]);
    t.false(told.some(({ type }) => type === 'ended'));
  });

  test(`${name}: a call that was withdrawn can be given again`, async (t) => {
    const { executor, told, ended, run } = await start(t);
    const id = await run('echo', 'c', 'x');
    const taken = executor.withdraw([id]);
    await ended(await run('echo', 'other'));
    t.is(told.filter((what) => what.type === 'ended' && what.id === id).length, 1 - taken.length);
    if (taken.length > 0) t.deepEqual((await ended(await run('echo', 'c', 'again'))).output, bytes('again'));
  });

  test(`${name}: cancel() ends a call that waits, and the executor goes on`, async (t) => {
    let whenAsked = (): void => {};
    const asked = new Promise<void>((resolve) => {
      whenAsked = resolve;
    });
    const { executor, ended, run } = await start(t, () => {
      whenAsked();
      return new Promise(() => {});
    });
    const id = await run('asks', 'c');
    await asked;
    executor.cancel(id);
    t.is((await ended(id)).error?.code, 'cancelled');
    t.deepEqual((await ended(await run('echo', 'next', 'x'))).output, bytes('x'));
  });

  test(`${name}: kill() stops one that computes, and nothing is told after`, async (t) => {
    const { executor, told, until, inside, run } = await start(t);
    await inside(await run('spins', 'spins'));
    executor.kill('it spins');
    executor.kill('again');
    t.is((await until('gone')).why, 'it spins');
    await run('echo', 'late');
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.is(told.at(-1)!.type, 'gone');
  });

  test(`${name}: kill() of one that starts ends it before it is ready`, async (t) => {
    const { executor, told, until } = await start(t);
    executor.kill('not wanted');
    t.is((await until('gone')).why, 'not wanted');
    t.deepEqual(
      told.map(({ type }) => type),
      ['gone'],
    );
  });

  test(`${name}: a call that waits for a chained one is told how that ended`, async (t) => {
    const { executor, until, ended, run } = await start(t);
    const id = await run('chains', 'c', 'hi');
    const { run: asking, depth, calls, id: of } = await until('chain');
    t.deepEqual([of, depth], [id, 0]);
    t.deepEqual(
      calls.map((call) => [call.function as string, call.input]),
      [['echo', bytes('hi')]],
    );
    executor.settle(id, asking, calls[0]!.handle, { output: bytes('hi'), returnValue: 7 });
    const end = await ended(id);
    t.deepEqual([end.output, end.chains], [Uint8Array.of(7), undefined]);
  });

  test(`${name}: a call whose chained calls are refused fails for it`, async (t) => {
    const { executor, until, ended, run } = await start(t);
    const id = await run('chains', 'c');
    const { run: asking } = await until('chain');
    executor.refuse(id, asking, { code: 'chain_refused', message: 'too deep', details: {} });
    t.regex((await ended(id)).error!.message, /too deep/);
  });

  test(`${name}: chained calls that nobody waited for are told with the end`, async (t) => {
    const { ended, run } = await start(t);
    const { chains } = await ended(await run('leaves', 'c'));
    t.deepEqual(
      chains?.map((call) => call.function as string),
      ['echo'],
    );
  });

  test(`${name}: initialize() tells what was left, and calls of that id end no other way`, async (t) => {
    const { executor, told, until, ended, run } = await start(t);
    const id = callIdOf(ada, 'init');
    executor.initialize({ id, user: ada }, await toProgram('echo'));
    const { error } = await until('initialized', (what) => what.id === id);
    t.is(error, undefined);
    t.deepEqual((await ended(await run('echo', 'c', 'x'))).output, bytes('x'));
    t.false(told.some((what) => what.type === 'ended' && what.id === id));
  });

  test(`${name}: a program that was forgotten can be run again`, async (t) => {
    const { executor, ended, run } = await start(t);
    await ended(await run('echo', 'first'));
    executor.forget((await toProgram('echo')).key);
    executor.evict();
    executor.demote(true);
    t.deepEqual((await ended(await run('echo', 'second', 'x'))).output, bytes('x'));
  });
}

const unasked: AskHost = () => Promise.reject(new Error('no guest was to ask'));
