/** Side modules that a program loads while it runs, from its user's shared files. */
import test from 'ava';
import { startTestHost, wasm } from './_host.ts';

const at = await startTestHost();
test.after.always(() => at[Symbol.asyncDispose]());

const bytes = (text: string): number[] => [text.length, ...Buffer.from(text)];

interface Dylink {
  readonly memoryBytes?: number;
  readonly tableElements?: number;
  readonly needed?: readonly string[];
}

/** A module with the section that makes it a side module, in front of all others. */
function side(
  wat: string,
  { memoryBytes = 0, tableElements = 0, needed = [] }: Dylink = {},
): Uint8Array<ArrayBuffer> {
  const sizes = [memoryBytes, 2, tableElements, 0];
  const names = [needed.length, ...needed.flatMap(bytes)];
  const section = [...bytes('dylink.0'), 1, sizes.length, ...sizes, 2, names.length, ...names];
  const module = wasm(wat);
  return Uint8Array.from([...module.subarray(0, 8), 0, section.length, ...section, ...module.subarray(8)]);
}

/** Loads the module that its input names, and puts out what `work` makes of 5, or why there is none. */
const program = `(module
  (import "env" "dlopen" (func $open (param i32 i32) (result i32)))
  (import "env" "dlsym" (func $find (param i32 i32) (result i32)))
  (import "env" "dlclose" (func $close (param i32) (result i32)))
  (import "env" "dlerror" (func $error (result i32)))
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (import "env" "getpid" (func (result i32)))
  (memory (export "memory") 2)
  (table (export "__indirect_function_table") 1 100 funcref)
  (global (export "__stack_pointer") (mut i32) (i32.const 65536))
  (global (export "counter") i32 (i32.const 512))
  (type $work (func (param i32) (result i32)))
  (data (i32.const 16) "work\\00") (data (i32.const 32) "label\\00")
  (func (export "twice") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func $say (param $text i32) (local $length i32)
    (loop $next
      (if (i32.load8_u (i32.add (local.get $text) (local.get $length)))
        (then (local.set $length (i32.add (local.get $length) (i32.const 1))) (br $next))))
    (call $output (local.get $text) (local.get $length)))
  (func (export "exec") (result i32) (local $handle i32) (local $work i32) (local $label i32)
    (drop (call $input (i32.const 1024) (i32.const 512)))
    (local.set $handle (call $open (i32.const 1024) (i32.const 2)))
    (if (i32.eqz (local.get $handle)) (then (call $say (call $error)) (return (i32.const 0))))
    (if (i32.ne (local.get $handle) (call $open (i32.const 1024) (i32.const 2))) (then unreachable))
    (local.set $work (call $find (local.get $handle) (i32.const 16)))
    (if (i32.eqz (local.get $work)) (then (call $say (call $error)) (return (i32.const 0))))
    (local.set $label (call $find (local.get $handle) (i32.const 32)))
    (i32.store8 (local.get $label)
      (i32.add (i32.const 48) (call_indirect (type $work) (i32.const 5) (local.get $work))))
    (if (call $close (local.get $handle)) (then unreachable))
    (if (call $error) (then unreachable))
    (call $say (local.get $label))
    (i32.const 0)))`;

const pic = `
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $memory i32))
  (import "env" "__table_base" (global $table i32))
  (import "env" "__stack_pointer" (global $stack (mut i32)))`;

/** 2 * 5, by the program's own function, then as often as it was called, and 1 of its constructor. */
const worker = side(
  `(module ${pic}
    (import "env" "twice" (func $twice (param i32) (result i32)))
    (import "env" "getpid" (func $pid (result i32)))
    (import "GOT.mem" "counter" (global $counter (mut i32)))
    (import "GOT.mem" "label" (global $label (mut i32)))
    (import "GOT.func" "twice" (global $twiceAt (mut i32)))
    (import "GOT.func" "helper" (global $helperAt (mut i32)))
    (type $one (func (param i32) (result i32)))
    (global (export "label") i32 (i32.const 8))
    (data (global.get $memory) "\\00\\00\\00\\00\\00\\00\\00\\00_ok\\00")
    (elem (global.get $table) func $first)
    (func $first (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1)))
    (func (export "helper") (param i32) (result i32) (i32.add (local.get 0) (i32.load (global.get $counter))))
    (func (export "__wasm_call_ctors")
      (i32.store (global.get $counter) (i32.add (i32.load (global.get $counter)) (i32.const 1))))
    (func (export "work") (param i32) (result i32)
      (if (i32.ne (call $pid) (i32.const 23)) (then unreachable))
      (if (i32.ne (call $twice (i32.const 3)) (i32.const 6)) (then unreachable))
      (if (i32.ne (i32.load8_u (global.get $label)) (i32.const 95)) (then unreachable))
      (call_indirect (type $one)
        (call_indirect (type $one)
          (call_indirect (type $one) (local.get 0) (global.get $twiceAt))
          (global.get $table))
        (global.get $helperAt)))
  )`,
  { memoryBytes: 12, tableElements: 1 },
);

const put = (path: string, body: Uint8Array<ArrayBuffer> | string) =>
  fetch(`${at.url}/file/ada/${path}`, { method: 'PUT', body });

test.before(async (t) => {
  const answer = await at.put('ada/loads', program);
  t.is(answer.status, 200, await answer.text());
  await put('lib/worker.wasm', worker);
});

test('a side module finds the program, itself and the host, and each call loads it anew', async (t) => {
  for (let call = 0; call < 4; call++) {
    // 2 * 5 - 1 + 1 is ':' after '0'.
    t.is(await (await at.post('ada/loads', '/lib/worker.wasm\0')).text(), ':ok');
  }
  await put('lib/worker.wasm', worker);
  t.is(await (await at.post('ada/loads', 'lib/../lib/worker.wasm\0')).text(), ':ok');
});

test('a side module brings those that it needs', async (t) => {
  const user = side(
    `(module ${pic}
      (import "env" "helper" (func $helper (param i32) (result i32)))
      (import "GOT.mem" "label" (global $label (mut i32)))
      (func (export "work") (param i32) (result i32)
        (i32.store8 (i32.add (global.get $label) (i32.const 1)) (i32.const 75))
        (call $helper (local.get 0))))`,
    { needed: ['worker.wasm'] },
  );
  for (const path of ['lib/user.wasm', 'other/user.wasm']) {
    await put(path, user);
    t.is(await (await at.post('ada/loads', `/${path}\0`)).text(), '6Kk');
  }
});

const refuses = test.macro(
  async (t, name: string, module: Uint8Array<ArrayBuffer> | string | undefined, why: RegExp) => {
    if (module !== undefined) await put(`bad/${name}`, module);
    for (let call = 0; call < 2; call++) {
      const answer = await at.post('ada/loads', `/bad/${name}\0`);
      t.is(answer.status, 200);
      t.regex(await answer.text(), why);
    }
  },
);

test('nothing', refuses, 'nothing', undefined, /^Cannot load \/bad\/nothing: there is no such file$/);
test('what is no module', refuses, 'text', 'text', /^Cannot load \/bad\/text: .*module/);
test('a program', refuses, 'program', wasm('(module)'), /no section dylink\.0; link it with -shared/);
test(
  'an import that nobody has',
  refuses,
  'import',
  side('(module (import "env" "none" (func)))'),
  /function env\.none/,
);
test(
  'an address that nobody has',
  refuses,
  'got',
  side('(module (import "GOT.mem" "none" (global (mut i32))))'),
  /it needs none, which nobody has/,
);
test(
  'a host function of another type',
  refuses,
  'type',
  side('(module (import "env" "getpid" (func (param i64))))'),
  /function env\.getpid/,
);
test(
  'one that waits, for a program that never does',
  refuses,
  'waits',
  side(
    '(module (import "wasi_snapshot_preview1" "poll_oneoff" (func (param i32 i32 i32 i32) (result i32))))',
  ),
  /poll_oneoff/,
);
test(
  'more elements than the table may have',
  refuses,
  'table',
  side('(module)', { tableElements: 127 }),
  /growable-table/,
);
test(
  'one that the compiler may need too much memory for',
  refuses,
  'costly',
  side(`(module (func ${'(local i32)'.repeat(2000)} ${'(block (br_if 0 (local.get 0)))'.repeat(40_000)}
    ${Array.from({ length: 2000 }, (_, local) => `(local.set ${local} (i32.const 1))`).join('')}))`),
  /function 0 has 2000 locals/,
);
test('a memory of its own', refuses, 'memory', side('(module (memory 1))'), /none of its own/);
test('what needs itself', refuses, 'itself', side('(module)', { needed: ['itself'] }), /it needs itself/);
test('one without the symbol', refuses, 'empty', side('(module)'), /^\/bad\/empty has no symbol work$/);

test('a program without a table that is seen is told so', async (t) => {
  const answer = await at.put(
    'ada/closed',
    program.replace('(table (export "__indirect_function_table") 1 100 funcref)', '(table 1 100 funcref)'),
  );
  t.is(answer.status, 200, await answer.text());
  t.regex(await (await at.post('ada/closed', '/lib/worker.wasm\0')).text(), /--export-table/);
});
