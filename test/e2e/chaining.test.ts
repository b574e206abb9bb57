/** Chaining as the original has it, and waiting. */
import test from 'ava';
import { guests, startTestHost } from './_host.ts';

const at = await startTestHost({ FAASM_CHAIN_DEPTH_MAX: '5' });
test.after.always(() => at[Symbol.asyncDispose]());

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly droppedChains?: number;
}

/** Chains a function by name, then does what the code says. */
const chainer = (target: string, code: string): string => `(module
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "${target}\\00")
  (func (export "exec") (result i32) (local $id i32)
    (local.set $id (call $chain (i32.const 16) (i32.const 0) (i32.const 0)))
    ${code}))`;

const withoutWaiting = '(i32.const 0)';
const waiting = '(call $await (local.get $id))';

/** Writes the state key "ran". */
const marker = `(module
  (import "env" "__faasm_write_state" (func $write (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "ran\\00")
  (func (export "exec") (result i32) (call $write (i32.const 0) (i32.const 0) (i32.const 3)) (i32.const 0)))`;

let users = 0;
const newUser = (): string => `user${++users}`;

async function ran(user: string): Promise<boolean> {
  while (!(await fetch(`${at.url}/s/${user}/ran`)).ok)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return true;
}

test('a chained call is made when its caller has ended', async (t) => {
  const user = newUser();
  await at.put(`${user}/marker`, marker);
  await at.put(`${user}/caller`, chainer('marker', withoutWaiting));
  t.is((await at.post(`${user}/caller`)).status, 200);
  t.true(await ran(user));
});

test('a chained call is made also when its caller was run beside another', async (t) => {
  const user = newUser();
  await at.put(`${user}/marker`, marker);
  // Quick without an input; with one, it leaves a call to be made.
  const middle = `(module
    (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
    (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "marker\\00")
    (func (export "exec") (result i32)
      (if (call $input (i32.const 0) (i32.const 0))
        (then (drop (call $chain (i32.const 16) (i32.const 0) (i32.const 0)))))
      (i32.const 0)))`;
  await at.put(`${user}/middle`, middle);
  const caller = `(module
    (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
    (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "middle\\00")
    (func (export "exec") (result i32) (local $left i32)
      (local.set $left (i32.const 50))
      (loop $more
        (drop (call $await (call $chain (i32.const 16) (i32.const 0) (i32.const 0))))
        (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (call $await (call $chain (i32.const 16) (i32.const 0) (i32.const 1)))))`;
  await at.put(`${user}/caller`, caller);
  t.is((await at.post(`${user}/caller`)).status, 200);
  t.true(await ran(user));
});

for (const [how, code] of [
  ['without waiting', withoutWaiting],
  ['and waits', waiting],
] as const) {
  test(`a call that chains an unknown function ${how} fails with its name`, async (t) => {
    const user = newUser();
    await at.put(`${user}/caller`, chainer('nobody', code));
    const response = await at.post(`${user}/caller`);
    const problem = (await response.json()) as Problem;
    t.is(problem.code, 'chain_refused');
    t.regex(problem.detail, /nobody/);
  });
}

test('a guest that never gives memory for an awaited output is stopped as any other', async (t) => {
  await using alone = await startTestHost({ FAASM_EXECUTORS_MAX: '1' });
  await alone.put('eve/echo', guests.echo);
  await alone.put(
    'eve/caller',
    `(module
      (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
      (import "env" "__faasm_await_call_output" (func $await (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "echo\\00")
      (func (export "malloc") (param i32) (result i32) (loop $l (br $l)) (i32.const 0))
      (func (export "exec") (result i32)
        (call $await (call $chain (i32.const 16) (i32.const 16) (i32.const 4)) (i32.const 32) (i32.const 36))))`,
  );
  const late = await alone.post('eve/caller', '', { 'x-faasm-timeout': '1s' });
  t.is(late.status, 504);
  t.is(await (await alone.post('eve/echo', 'hi')).text(), 'hi');
});

test('a function of another user cannot be chained', async (t) => {
  const [user, other] = [newUser(), newUser()];
  await at.put(`${other}/secret`, guests.echo);
  await at.put(`${user}/caller`, chainer('secret', waiting));
  t.is(((await (await at.post(`${user}/caller`)).json()) as Problem).code, 'chain_refused');
});

test('a call that fails drops its chained calls and says how many', async (t) => {
  const user = newUser();
  await at.put(`${user}/marker`, marker);
  await at.put(`${user}/caller`, chainer('marker', '(i32.const 7)'));
  const problem = (await (await at.post(`${user}/caller`)).json()) as Problem;
  t.is(problem.droppedChains, 1);
  t.regex(problem.detail, /1 chained call/);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is((await fetch(`${at.url}/s/${user}/ran`)).status, 404);
});

test('awaitCall() gives what the chained call returned', async (t) => {
  const user = newUser();
  await at.put(`${user}/three`, '(module (func (export "exec") (result i32) (i32.const 3)))');
  await at.put(`${user}/caller`, chainer('three', waiting));
  const problem = (await (await at.post(`${user}/caller`)).json()) as Problem;
  t.regex(problem.detail, /returned 3/);
});

test('awaitCall() of an id that was never given fails', async (t) => {
  const user = newUser();
  await at.put(`${user}/echo`, guests.echo);
  await at.put(`${user}/caller`, chainer('echo', '(call $await (i32.const 99))'));
  t.regex(((await (await at.post(`${user}/caller`)).json()) as Problem).detail, /99/);
});

test('a call that chains itself is stopped at the depth limit', async (t) => {
  const user = newUser();
  await at.put(`${user}/self`, chainer('self', waiting));
  const response = await at.post(`${user}/self`);
  t.is(response.status, 500);
});

test('a call that is as deep as it may be is made, and one deeper is not, wherever it would run', async (t) => {
  const user = newUser();
  // Chains itself and waits, as often as the byte of its input says.
  await at.put(
    `${user}/deep`,
    `(module
      (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
      (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
      (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "deep\\00")
      (func (export "exec") (result i32)
        (drop (call $input (i32.const 0) (i32.const 1)))
        (if (i32.eqz (i32.load8_u (i32.const 0))) (then (return (i32.const 0))))
        (i32.store8 (i32.const 0) (i32.sub (i32.load8_u (i32.const 0)) (i32.const 1)))
        (call $await (call $chain (i32.const 16) (i32.const 0) (i32.const 1)))))`,
  );
  const post = async (depth: number): Promise<number> =>
    (await at.post(`${user}/deep`, Uint8Array.of(depth))).status;
  // Once it was quick some times, an executor runs it beside its caller.
  for (const [depth, status] of [
    [5, 200],
    [6, 500],
  ] as const) {
    for (let round = 0; round < 40; round++) t.is(await post(0), 200);
    t.is(await post(depth), status);
  }
});

test('a fan-out of 1,000 calls is joined', async (t) => {
  const user = newUser();
  await at.put(`${user}/echo`, guests.echo);
  await at.put(
    `${user}/caller`,
    `(module
      (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
      (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "echo\\00")
      (func (export "exec") (result i32) (local $at i32) (local $failed i32)
        (loop $chain_all
          (drop (call $chain (i32.const 16) (i32.const 0) (i32.const 0)))
          (br_if $chain_all (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 1000))))
        (loop $await_all
          (local.set $failed (i32.add (local.get $failed) (call $await (local.get $at))))
          (br_if $await_all (local.tee $at (i32.sub (local.get $at) (i32.const 1)))))
        (local.get $failed)))`,
  );
  t.is((await at.post(`${user}/caller`)).status, 200);
});

/** Loops without end if it gets an input. */
const moody = `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "exec") (result i32)
    (if (call $input (i32.const 0) (i32.const 0)) (then (loop $l (br $l))))
    (i32.const 0)))`;

/** Awaits `moody` ten times, and then once with its own input. */
const patient = `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "moody\\00")
  (func (export "exec") (result i32) (local $at i32) (local $failed i32)
    (loop $next
      (local.set $failed (i32.add (local.get $failed)
        (call $await (call $chain (i32.const 16) (i32.const 0) (i32.const 0)))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 10))))
    (i32.add (local.get $failed)
      (call $await (call $chain (i32.const 16) (i32.const 0) (call $input (i32.const 64) (i32.const 1)))))))`;

test("a chained call that was quick and then runs away is stopped with its caller, at the caller's time", async (t) => {
  const user = newUser();
  await at.put(`${user}/moody`, moody);
  await at.put(`${user}/patient`, patient);
  await at.put(`${user}/echo`, guests.echo);
  t.is((await at.post(`${user}/patient`)).status, 200);
  const late = await at.post(`${user}/patient`, 'x', { 'x-faasm-timeout': '500ms' });
  t.is(late.status, 504);
  t.is(await (await at.post(`${user}/echo`, 'still here')).text(), 'still here');
  t.is((await at.post(`${user}/patient`)).status, 200);
});

test('every chained call is counted, wherever it ran', async (t) => {
  const user = newUser();
  await at.put(`${user}/moody`, moody);
  await at.put(`${user}/patient`, patient);
  for (let round = 0; round < 3; round++) await at.post(`${user}/patient`);
  const expected = `faasm_calls_total{user="${user}",function="moody",code="ok"} 33\n`;
  // The metrics hear of calls in batches.
  const deadlineMs = Date.now() + 10_000;
  let metrics = '';
  while (!metrics.includes(expected) && Date.now() < deadlineMs) {
    metrics = await (await fetch(`${at.url}/metrics`)).text();
  }
  t.true(metrics.includes(expected), metrics);
});

test('a new version is run by the next chained call', async (t) => {
  const user = newUser();
  const returning = (value: number) => `(module (func (export "exec") (result i32) (i32.const ${value})))`;
  await at.put(`${user}/moody`, moody);
  await at.put(`${user}/patient`, patient);
  for (let value = 1; value <= 20; value++) {
    await at.put(`${user}/moody`, returning(0));
    t.is((await at.post(`${user}/patient`)).status, 200);
    await at.put(`${user}/moody`, returning(value));
    const problem = (await (await at.post(`${user}/patient`)).json()) as Problem;
    t.regex(problem.detail, new RegExp(`returned ${11 * value}$`));
  }
});

/** Chains the function at this index of its own table, awaits it, and returns what it returned. */
const byPointer = (index: number): string => `(module
  (import "env" "__faasm_chain_ptr" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table (export "__indirect_function_table") 4 funcref)
  (elem (i32.const 1) $length $other)
  (data (i32.const 16) "seven b")
  (func $length (result i32) (call $input (i32.const 0) (i32.const 0)))
  (func $other (result i32) (i32.const 3))
  (func (export "exec") (result i32)
    (call $await (call $chain (i32.const ${index}) (i32.const 16) (i32.const 7)))))`;

for (const [index, returned] of [
  [1, 7],
  [2, 3],
  [3, 1],
  [9, 1],
] as const) {
  test(`a call that chains place ${index} of its table gets ${returned}`, async (t) => {
    const user = newUser();
    await at.put(`${user}/pointing`, byPointer(index));
    const problem = (await (await at.post(`${user}/pointing`)).json()) as Problem;
    t.regex(problem.detail, new RegExp(`returned ${returned}$`));
  });
}

test('a client names no place in the table: its call runs the entry', async (t) => {
  const user = newUser();
  await at.put(`${user}/pointing`, byPointer(1));
  const answer = await at.post(`${user}/pointing`, '', { 'faasm-pointer': `2@${'0'.repeat(64)}` });
  t.regex(((await answer.json()) as Problem).detail, /returned 7$/);
});
