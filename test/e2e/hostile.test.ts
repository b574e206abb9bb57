/** Guests that misbehave get an error of their own, in time, and harm nobody. */
import test from 'ava';
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
    /table/,
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
  ['no entry', () => `(module (func (export "run")))`, 400, /nothing to run/],
  ['an entry of another type', () => `(module (func (export "_start") (param i64)))`, 400, /_start/],
  ['an entry that is no function', () => `(module (memory (export "_start") 1))`, 400, /_start/],
  [
    'a start function that traps',
    () => `(module (start $s) (func $s unreachable) (func (export "exec")))`,
    400,
    /unreachable/,
  ],
  ['garbage-collected types', () => gcModule(), 415, /garbage/i],
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

async function answers(t: { is(left: unknown, right: unknown): void }, name: string): Promise<void> {
  t.is(await (await at.post(name, 'still here')).text(), 'still here');
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
function gcModule(): Uint8Array {
  return Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 3, 1, 0x5f, 0);
}
