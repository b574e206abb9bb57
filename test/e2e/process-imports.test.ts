/** How programs end and what they tell through `env`, as C, AssemblyScript and Faasm's toolchain import it. */
import test from 'ava';
import { startTestHost } from './_host.ts';

const at = await startTestHost();
test.after.always(() => at[Symbol.asyncDispose]());

const module = (imports: string, body: string): string => `(module ${imports}
  (memory (export "memory") 1)
  (data (i32.const 8) "\\06\\00\\00\\00n\\00o\\00!\\00")
  (data (i32.const 32) "\\04\\00\\00\\00f\\00s\\00")
  (data (i32.const 64) "a line\\00")
  (func (export "exec") (result i32) ${body} (i32.const 0)))`;

const plainAbort = '(import "env" "abort" (func $abort))';
const scriptAbort = '(import "env" "abort" (func $abort (param i32 i32 i32 i32)))';
const exit = '(import "env" "exit" (func $exit (param i32)))';

const failures = test.macro(async (t, name: string, wat: string, expected: RegExp) => {
  t.is((await at.put(`eve/${name}`, wat)).status, 200);
  const problem = (await (await at.post(`eve/${name}`)).json()) as { detail: string };
  t.regex(problem.detail, expected);
});
test('abort() of C traps', failures, 'c', module(plainAbort, '(call $abort)'), /eve\/c trapped: aborted$/);
test(
  'abort() of AssemblyScript says why and where',
  failures,
  'as',
  module(scriptAbort, '(call $abort (i32.const 12) (i32.const 36) (i32.const 3) (i32.const 9))'),
  /aborted at fs:3:9: no!$/,
);
test(
  'abort() of AssemblyScript may have no reason',
  failures,
  'none',
  module(scriptAbort, '(call $abort (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))'),
  /aborted: no reason given$/,
);
test(
  'abort() with a text outside of the memory is a fault',
  failures,
  'far',
  module(scriptAbort, '(call $abort (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0))'),
  /Out of bounds/,
);
test(
  'exit() ends with its code',
  failures,
  'exits',
  module(exit, '(call $exit (i32.const 5))'),
  /returned 5$/,
);

test('puts() writes a line, and the calls that have no effect here have none', async (t) => {
  const imports = `(import "env" "puts" (func $puts (param i32) (result i32)))
    (import "env" "__faasm_conf_flag" (func $flag (param i32) (result i32)))
    (import "env" "__faasm_backtrace" (func $backtrace (param i32)))
    (import "env" "__faasm_migrate_point" (func $migrate (param i32 i32)))
    (import "env" "__faasm_host_interface_test" (func $test (param i32)))`;
  const body = `(drop (call $puts (i32.const 64))) (drop (call $flag (i32.const 64)))
    (call $backtrace (i32.const 0)) (call $migrate (i32.const 0) (i32.const 0)) (call $test (i32.const 1))`;
  t.is((await at.put('eve/puts', module(imports, body))).status, 200);
  t.is(await (await at.post('eve/puts')).text(), 'a line\n');
});
