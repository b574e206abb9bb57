/** Guests that misbehave get an error of their own, in time, and harm nobody. */
import test from 'ava';
import { encodeU32 } from '../../src/wasm/writer.ts';
import { nestedArms, waysAndLocals } from '../wasm/bodies.ts';
import { codeSection, fromSections, section } from '../wasm/fixtures.ts';
import { fromObjectWat, greedy, greedyModule } from '../wasm/object-modules.ts';
import { guests, startTestHost, wasm } from './_host.ts';

/** One host for all: what one test does must not matter to the next. */
const at = await startTestHost();
test.after.always(() => at[Symbol.asyncDispose]());
let users = 0;
/** A user of its own for each test. */
const newUser = (): string => `user${++users}`;

interface Problem {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly returnValue?: number;
  readonly trap?: string;
  readonly backtrace?: string;
  readonly droppedChains?: number;
}

const body = (code: string, more = ''): string =>
  `(module (memory (export "memory") 1) ${more} (func (export "exec") (result i32) ${code} (i32.const 0)))`;

const failing: readonly (readonly [about: string, wat: string, code: string, detail: RegExp])[] = [
  ['unreachable', body('unreachable'), 'guest_trapped', /unreachable/],
  [
    'a division by zero',
    body('(drop (i32.div_s (i32.const 1) (i32.const 0)))'),
    'guest_trapped',
    /divide by zero/,
  ],
  ['an access out of bounds', body('(drop (i32.load (i32.const -4)))'), 'guest_trapped', /out of bounds/],
  [
    'an endless recursion',
    body('(call $f)', '(func $f (call $f) (call $f))'),
    'guest_stack_overflow',
    /overflowed/,
  ],
  [
    'memory without end',
    body('(loop $l (br_if $l (i32.ne (memory.grow (i32.const 256)) (i32.const -1)))) unreachable'),
    'guest_out_of_memory',
    /512 MiB|FAASM_MEMORY_MAX_MIB/,
  ],
  ['an exception', body('(throw $e)', '(tag $e)'), 'guest_threw', /exception/],
  [
    'a nonzero return',
    `(module (func (export "exec") (result i32) (i32.const 3)))`,
    'guest_returned',
    /returned 3/,
  ],
  ['a host call out of bounds', badPointer(), 'guest_trapped', /[Oo]ut of bounds/],
];

for (const [about, wat, code, detail] of failing) {
  test(`${about} is told as ${code}`, async (t) => {
    const name = `${newUser()}/f`;
    t.is((await at.put(name, wat)).status, 200);
    for (let round = 0; round < 2; round++) {
      const response = await at.post(name, '', { 'x-faasm-timeout': '5s' });
      const problem = (await response.json()) as Problem;
      t.is(problem.code, code);
      t.is(response.status, 500);
      t.regex(problem.detail, detail);
    }
  });
}

const shared = (code: string, more = ''): string =>
  `(module (memory (export "memory") 1 1 shared) ${more} (func (export "exec") (result i32) ${code} (i32.const 0)))`;

const endless: readonly (readonly [about: string, wat: string])[] = [
  ['a loop', guests.loop],
  [
    'a loop over memory.fill',
    `(module (memory (export "memory") 8192) (func (export "exec") (result i32)
       (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1fff0000)) (br $l)) (i32.const 0)))`,
  ],
  ['a tail call of itself', tailCalls('(func $r (return_call $r))')],
  [
    'a tail call with parameters',
    tailCalls(
      '(func $n (param i64 f32) (return_call $n (i64.add (local.get 0) (i64.const 1)) (local.get 1)))' +
        '(func $r (return_call $n (i64.const 0) (f32.const 1)))',
    ),
  ],
  [
    'a tail call that only calls what returns at once',
    tailCalls('(func $leaf) (func $r (if (i32.const 0) (then (call $leaf))) (return_call $r))'),
  ],
  [
    'a circle of tail calls through a table',
    tailCalls(
      '(type $v (func)) (table 2 funcref) (elem (i32.const 0) $a $r)' +
        '(func $a (return_call_indirect (type $v) (i32.const 1))) (func $r (return_call_indirect (type $v) (i32.const 0)))',
    ),
  ],
  [
    'a tail call out of a handler',
    tailCalls('(tag $e) (func $r (try (do (throw $e)) (catch_all)) (return_call $r))'),
  ],
  [
    'a row of large copies',
    `(module (memory (export "memory") 8192)
       (func $row (param $n i32) ${'(memory.copy (i32.const 0) (i32.const 65536) (local.get $n))'.repeat(2000)})
       (func (export "exec") (result i32) (call $row (i32.const 0x1ffe0000)) (i32.const 0)))`,
  ],
  [
    'a row of fillings of a table',
    `(module (table $t 100000 externref)
       (func $row ${'(table.fill $t (i32.const 0) (ref.null extern) (i32.const 100000))'.repeat(20_000)})
       (func (export "exec") (result i32) (call $row) (i32.const 0)))`,
  ],
  [
    'a start function',
    `(module (start $s) (func $s (loop $l (br $l))) (func (export "exec") (result i32) (i32.const 0)))`,
  ],
  [
    'a constructor',
    `(module (func (export "_initialize") (loop $l (br $l))) (func (export "exec") (result i32) (i32.const 0)))`,
  ],
  ['an atomic wait', shared('(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))')],
  ['a sleep', sleeper()],
];

for (const [about, wat] of endless) {
  test(`${about} without end is stopped at its time limit, and neighbours go on`, async (t) => {
    const [eve, ada] = [newUser(), newUser()];
    t.is((await at.put(`${eve}/endless`, wat)).status, 200);
    t.is((await at.put(`${eve}/echo`, guests.echo)).status, 200);
    t.is((await at.put(`${ada}/echo`, guests.echo)).status, 200);
    const late = at.post(`${eve}/endless`, '', { 'x-faasm-timeout': '500ms' });
    await answers(t, `${eve}/echo`);
    await answers(t, `${ada}/echo`);
    const response = await late;
    t.is(response.status, 504);
    t.is(((await response.json()) as Problem).code, 'deadline_exceeded');
    await answers(t, `${eve}/echo`);
    await answers(t, `${ada}/echo`);
  });
}

test('a runaway costs other calls of its user nothing', async (t) => {
  const eve = newUser();
  await at.put(`${eve}/loop`, guests.loop);
  await at.put(`${eve}/echo`, guests.echo);
  const runaways = [1, 2, 3].map(() => at.post(`${eve}/loop`, '', { 'x-faasm-timeout': '400ms' }));
  const calls = Array.from({ length: 50 }, async (_, at_) =>
    (await at.post(`${eve}/echo`, `call ${at_}`)).text(),
  );
  t.deepEqual(
    await Promise.all(calls),
    Array.from({ length: 50 }, (_, each) => `call ${each}`),
  );
  for (const response of await Promise.all(runaways)) t.is(response.status, 504);
});

const refused: readonly (readonly [
  about: string,
  module: () => string | Uint8Array,
  status: number,
  detail: RegExp,
])[] = [
  ['text', () => new TextEncoder().encode('(module)'), 400, /text|WAT/i],
  ['nothing', () => new Uint8Array(0), 400, /empty/i],
  ['a truncated module', () => wasm(guests.echo).subarray(0, 40), 400, /.+/],
  ['a component', () => Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), 415, /component/],
  [
    'a table bomb',
    () => `(module (table 10000000 funcref) (func (export "exec") (result i32) (i32.const 0)))`,
    400,
    /table.*FAASM_TABLE_MAX_ELEMENTS/,
  ],
  [
    'a body with too many ways and locals',
    () => waysAndLocals(20_000, 20_000),
    400,
    /20000 locals and 20001 branches/,
  ],
  [
    'a body that takes the compiler too much',
    () => nestedArms(2000, 2000),
    400,
    /MiB of memory; .*FAASM_COMPILE_MAX_MIB.*function 0 has 2000 locals/,
  ],
  [
    'a memory of 4 GiB',
    () => `(module (memory 65536) (func (export "exec") (result i32) (i32.const 0)))`,
    400,
    /MiB/,
  ],
  [
    'an unknown import',
    () =>
      `(module (import "env" "__faasm_read_inputs" (func (param i32 i32) (result i32))) (func (export "exec")))`,
    400,
    /__faasm_read_inputs.*did you mean env.__faasm_read_input/,
  ],
  [
    'an import of another type',
    () => `(module (import "env" "__faasm_read_input" (func (param i64))) (func (export "exec")))`,
    400,
    /of type/,
  ],
  [
    'an imported memory',
    () => `(module (import "env" "memory" (memory 1)) (func (export "exec")))`,
    400,
    /memory/,
  ],
  [
    'a program with threads',
    () => `(module (import "env" "memory" (memory 1 2 shared)) (func (export "_start")))`,
    415,
    /threads/,
  ],
  [
    'a program that starts threads',
    () => `(module (import "wasi" "thread-spawn" (func (param i32) (result i32))) (func (export "_start")))`,
    415,
    /threads/,
  ],
  [
    'an imported table',
    () => `(module (import "env" "table" (table 1 funcref)) (func (export "exec")))`,
    400,
    /imports the table env.table; it has to define its own/,
  ],
  ['no entry', () => `(module (func (export "run")))`, 400, /nothing to run/],
  ['an entry of another type', () => `(module (func (export "_start") (param i64)))`, 400, /_start/],
  ['an entry that is no function', () => `(module (memory (export "_start") 1))`, 400, /_start/],
  [
    'a start function that traps',
    () => `(module (start $s) (func $s unreachable) (func (export "exec")))`,
    400,
    /unreachable/,
  ],
  ['too many types of structs', () => manyTypes(), 400, /20000 types of structs and arrays/],
];

for (const [about, module, status, detail] of refused) {
  test(`${about} is refused at upload with ${status}`, async (t) => {
    const name = `${newUser()}/bad`;
    const response = await at.put(name, module());
    const problem = (await response.json()) as Problem;
    t.is(response.status, status, problem.detail);
    t.regex(problem.detail, detail);
    t.is((await at.post(name)).status, 404);
  });
}

for (const [about, code] of Object.entries(greedy)) {
  // One after the other: each fills the heaps of two threads.
  test.serial(`a call that keeps ${about} ends alone`, async (t) => {
    const [eve, ada] = [newUser(), newUser()];
    t.is((await at.put(`${eve}/greedy`, greedyModule(code))).status, 200);
    t.is((await at.put(`${ada}/echo`, guests.echo)).status, 200);
    const calls = [1, 2].map(() => at.post(`${eve}/greedy`, '', { 'x-faasm-timeout': '60s' }));
    await answers(t, `${ada}/echo`);
    for (const response of await Promise.all(calls)) {
      const problem = (await response.json()) as Problem;
      t.true(
        ['guest_out_of_memory', 'executor_lost', 'deadline_exceeded'].includes(problem.code),
        problem.detail,
      );
    }
    await answers(t, `${ada}/echo`);
  });
}

test('an array that is too long is a trap', async (t) => {
  const eve = newUser();
  for (const [index, length] of [8_388_609, 100_000_000, 0x3fffffff, -1].entries()) {
    const name = `${eve}/long${index}`;
    const code = `(call $keep (array.new_default $bytes (i32.const ${length})))`;
    t.is((await at.put(name, greedyModule(code))).status, 200);
    const problem = (await (await at.post(name)).json()) as Problem;
    t.is(problem.code, 'guest_trapped');
    t.regex(problem.detail, /array.*large/);
  }
});

test('an object that a call leaves is not there for the next', async (t) => {
  const name = `${newUser()}/counter`;
  const module = fromObjectWat(`(module
    (type $s (struct (field (mut i32)))) (type $a (array (mut i32)))
    (global $last (mut (ref null $s)) (ref.null $s)) (global $same (ref $a) (array.new_default $a (i32.const 1)))
    (table $t 1 (ref null $s))
    (func (export "exec") (result i32)
      (if (i32.eqz (ref.is_null (global.get $last))) (then (return (i32.const 1))))
      (if (array.get $a (global.get $same) (i32.const 0)) (then (return (i32.const 2))))
      (if (i32.eqz (ref.is_null (table.get $t (i32.const 0)))) (then (return (i32.const 3))))
      (global.set $last (struct.new $s (i32.const 7)))
      (array.set $a (global.get $same) (i32.const 0) (i32.const 1))
      (table.set $t (i32.const 0) (global.get $last))
      (i32.const 0)))`);
  t.is((await at.put(name, module)).status, 200);
  for (let round = 0; round < 5; round++) t.is((await at.post(name)).status, 200);
});

test('no handler of a guest catches its exit, or what a host function refuses', async (t) => {
  const eve = newUser();
  const catching = (handler: string, code: string): string =>
    `(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (import "env" "__faasm_write_output" (func $output (param i32 i32)))
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "went on") (tag $e)
      (func (export "_start") (try (do ${code}) ${handler}) (call $output (i32.const 0) (i32.const 7))))`;
  await at.put(`${eve}/zero`, catching('(catch_all)', '(call $exit (i32.const 0))'));
  await at.put(`${eve}/three`, catching('(catch_all)', '(call $exit (i32.const 3))'));
  await at.put(`${eve}/fault`, catching('(catch_all)', '(call $output (i32.const 65530) (i32.const 100))'));
  await at.put(`${eve}/own`, catching('(catch_all)', '(throw $e)'));
  for (let round = 0; round < 2; round++) {
    t.is(await (await at.post(`${eve}/zero`)).text(), '');
    t.is(((await (await at.post(`${eve}/three`)).json()) as Problem).returnValue, 3);
    t.is(((await (await at.post(`${eve}/fault`)).json()) as Problem).code, 'guest_trapped');
    t.is(await (await at.post(`${eve}/own`)).text(), 'went on');
  }
});

async function answers(t: { is(left: unknown, right: unknown): void }, name: string): Promise<void> {
  t.is(await (await at.post(name, 'still here')).text(), 'still here');
}

/** @param functions one of them is `$r`, which never returns */
function tailCalls(functions: string): string {
  return `(module (memory (export "memory") 1) ${functions} (func (export "exec") (result i32) (call $r) (i32.const 0)))`;
}

function badPointer(): string {
  return `(module (import "env" "__faasm_write_output" (func $output (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "exec") (result i32) (call $output (i32.const 65530) (i32.const 100)) (i32.const 0)))`;
}

/** Sleeps for an hour by poll_oneoff: one subscription to the monotonic clock. */
function sleeper(): string {
  return `(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "exec") (result i32)
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 3600000000000))
      (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))
      (i32.const 0)))`;
}

/** (module (type (struct))) by hand. */
function manyTypes(): Uint8Array {
  const count = 20_001;
  const types = new Array<number[]>(count).fill([0x5f, 0]).flat();
  const exec = [...section(3, [1, ...encodeU32(count)]), ...section(7, [1, 4, 0x65, 0x78, 0x65, 0x63, 0, 0])];
  const content = [...encodeU32(count + 1), ...types, 0x60, 0, 0];
  return fromSections(section(1, content), exec, codeSection([0x0b]));
}
