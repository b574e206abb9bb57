/** Nothing that one call leaves is seen by the next: each guest looks at what it then changes. */
import test from 'ava';
import { startTestHost } from './_host.ts';

const wasi = 'wasi_snapshot_preview1';
const output = '(import "env" "__faasm_write_output" (func $output (param i32 i32)))';

/** One host for all, so that they also meet each other's leftovers. */
const at = await startTestHost();
test.after.always(() => at[Symbol.asyncDispose]());

/** A guest that puts out what it sees, an i32 each, and then changes it: what it sees has to be the same every time. */
interface Leaver {
  readonly about: string;
  readonly module?: string;
  /** Expressions of type i32. */
  readonly sees: readonly string[];
  readonly changes: string;
  readonly wanted: readonly number[];
}

const zygote = (code: string): string => `(func (export "_faasm_zygote") ${code})`;
const pathOpen = `(import "${wasi}" "path_open"
  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))`;
/** Opens \`file\` below the root, exclusively, and writes to it: the errno of opening. */
const openFile = `(call $open (i32.const 3) (i32.const 0) (i32.const 2000) (i32.const 4) (i32.const 5)
  (i64.const 0x1fffffff) (i64.const 0) (i32.const 0) (i32.const 2008))`;

const leavers: readonly Leaver[] = [
  {
    about: 'a global that the zygote set',
    module: `(global $g (mut i32) (i32.const 1)) ${zygote('(global.set $g (i32.const 41))')}`,
    sees: ['(global.get $g)'],
    changes: '(global.set $g (i32.add (global.get $g) (i32.const 1)))',
    wanted: [41],
  },
  {
    about: 'globals of each type',
    module: `(global $i64 (mut i64) (i64.const 1)) (global $f32 (mut f32) (f32.const 2))
      (global $f64 (mut f64) (f64.const 3)) (global $ref (mut externref) (ref.null extern))
      (global $func (mut funcref) (ref.null func)) (elem declare func $nothing) (func $nothing)`,
    sees: [
      '(i32.wrap_i64 (global.get $i64))',
      '(i32.trunc_f32_s (global.get $f32))',
      '(i32.trunc_f64_s (global.get $f64))',
      '(ref.is_null (global.get $func))',
    ],
    changes: `(global.set $i64 (i64.const -1)) (global.set $f32 (f32.const -1)) (global.set $f64 (f64.const -1))
      (global.set $func (ref.func $nothing))`,
    wanted: [1, 2, 3, 1],
  },
  {
    about: 'memory: data, zygote pages and pages that were zero',
    module: `(data (i32.const 5000) "\\2a") ${zygote('(i32.store (i32.const 130000) (i32.const 43))')}`,
    sees: [
      '(i32.load8_u (i32.const 5000))',
      '(i32.load (i32.const 130000))',
      '(i32.load (i32.const 90000))',
      '(i32.load (i32.const 196604))',
    ],
    changes: '(memory.fill (i32.const 4096) (i32.const 255) (i32.const 192512))',
    wanted: [42, 43, 0, 0],
  },
  {
    about: 'grown memory',
    sees: ['(memory.size)'],
    changes: '(i32.store (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)) (i32.const 1))',
    wanted: [3],
  },
  {
    about: 'memory that the zygote had grown',
    module: zygote('(i32.store (i32.mul (memory.grow (i32.const 2)) (i32.const 65536)) (i32.const 9))'),
    sees: ['(memory.size)', '(i32.load (i32.const 196608))'],
    changes: '(i32.store (i32.const 196608) (i32.const 1))',
    wanted: [5, 9],
  },
  {
    about: 'writes to a table',
    module: '(table 2 4 funcref) (elem (i32.const 0) func $nothing) (func $nothing)',
    sees: ['(ref.is_null (table.get 0 (i32.const 0)))', '(ref.is_null (table.get 0 (i32.const 1)))'],
    changes: `(table.set 0 (i32.const 1) (table.get 0 (i32.const 0)))
      (table.set 0 (i32.const 0) (ref.null func))`,
    wanted: [0, 1],
  },
  {
    about: 'a grown table',
    module: '(table $t 2 4 funcref)',
    sees: ['(table.size $t)'],
    changes: '(drop (table.grow $t (ref.null func) (i32.const 1)))',
    wanted: [2],
  },
  {
    about: 'a dropped data segment',
    module: `(data $d "\\07\\00\\00\\00")
      (func $init (result i32) (memory.init $d (i32.const 3000) (i32.const 0) (i32.const 4)) (i32.load (i32.const 3000)))`,
    sees: ['(call $init)'],
    changes: '(data.drop $d)',
    wanted: [7],
  },
  {
    about: 'a dropped element segment',
    module: `(table 1 funcref) (elem $e func $nothing) (func $nothing)
      (func $init (result i32)
        (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))
        (ref.is_null (table.get 0 (i32.const 0))))`,
    sees: ['(call $init)'],
    changes: '(elem.drop $e)',
    wanted: [0],
  },
  {
    about: 'a file and its descriptor',
    module: '(data (i32.const 2000) "file")',
    sees: [openFile, '(i32.load (i32.const 2008))'],
    changes: '',
    wanted: [0, 5],
  },
  {
    about: 'arguments and environment',
    module: '(data (i32.const 2000) "xxxx")',
    sees: [
      '(call $environ (i32.const 2000) (i32.const 2004))',
      '(i32.load (i32.const 2000))',
      '(i32.load (i32.const 2004))',
    ],
    changes: '(memory.fill (i32.const 2000) (i32.const 1) (i32.const 8))',
    wanted: [0, 0, 0],
  },
];

function toWat({ module = '', sees, changes }: Leaver): string {
  const seen = sees.map((see, at) => `(i32.store (i32.const ${1000 + at * 4}) ${see})`).join('\n');
  return `(module ${output} ${pathOpen}
    (import "${wasi}" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
    (memory (export "memory") 3 16) ${module}
    (func (export "exec") (result i32)
      ${seen}
      (call $output (i32.const 1000) (i32.const ${sees.length * 4}))
      ${changes}
      (i32.const 0)))`;
}

for (const [number, leaver] of leavers.entries()) {
  test(`no call sees what another left: ${leaver.about}`, async (t) => {
    const users = [`ada${number}`, `eve${number}`];
    for (const user of users) {
      const put = await at.put(`${user}/leaver`, toWat(leaver));
      t.is(put.status, 200, await put.text());
    }
    const call = async (user: string) => {
      const response = await at.post(`${user}/leaver`);
      const bytes = Buffer.from(await response.arrayBuffer());
      if (response.status !== 200) return bytes.toString();
      return Array.from({ length: bytes.length / 4 }, (_, each) => bytes.readInt32LE(each * 4));
    };
    // One after the other, the users in turn; then all at once.
    for (const user of [...users, ...users, ...users]) t.deepEqual(await call(user), leaver.wanted);
    const together = await Promise.all([...users, ...users, ...users, ...users].map(call));
    for (const seen of together) t.deepEqual(seen, leaver.wanted);
    for (const user of users) t.deepEqual(await call(user), leaver.wanted);
  });
}

test('memory that was denied to the zygote, or to another call, is not why a call trapped', async (t) => {
  const guest = `(module (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
    (memory (export "memory") 1 2)
    ${zygote('(drop (memory.grow (i32.const 100)))')}
    (func (export "exec") (result i32)
      (if (call $input (i32.const 0) (i32.const 8)) (then unreachable))
      (drop (memory.grow (i32.const 100)))
      (i32.const 0)))`;
  await at.put('denied/guest', guest);
  for (let round = 0; round < 3; round++) {
    const trapped = (await (await at.post('denied/guest', 'trap')).json()) as { code: string };
    t.is(trapped.code, 'guest_trapped');
    t.is((await at.post('denied/guest')).status, 200);
  }
});
