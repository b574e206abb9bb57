import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import initWabt from 'wabt';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { faasm } from './_faasm.ts';

const wabt = await initWabt();
const folder = await mkdtemp(join(tmpdir(), 'faasm-run-'));
test.after.always(() => rm(folder, { recursive: true, force: true }));

const program = `#include <errno.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  #include <unistd.h>
  int main(int argc, char** argv) {
    const char* what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "args")) {
      for (int at = 0; at < argc; at++) printf("%s|", argv[at]);
      printf("%s", getenv("KEY") ? getenv("KEY") : "none");
    }
    if (!strcmp(what, "cat")) for (int c; (c = getchar()) != EOF;) putchar(c);
    if (!strcmp(what, "exit")) return atoi(argv[2]);
    if (!strcmp(what, "trap")) { write(1, "out", 3); write(2, "err", 3); __builtin_trap(); }
    if (!strcmp(what, "sleep")) { usleep(20000); printf("slept"); }
    if (!strcmp(what, "yes")) for (;;) if (write(1, "yes\\n", 4) < 0) return errno == EPIPE ? 7 : 8;
    if (!strcmp(what, "copy")) {
      char text[100] = "";
      FILE* from = fopen("/in/a.txt", "r");
      if (!from || !fgets(text, 100, from)) return 2;
      if (fopen("/etc/shadow", "r")) return 3;
      FILE* to = fopen("out.txt", "w");
      if (!to || fputs(text, to) < 0 || fclose(to) || unlink("/out/old.txt")) return 4;
    }
    return 0;
  }`;
const modules = {
  /** Returns how long its input is, through the host interface of Faasm, and puts it out. */
  'echo.wasm': `(module
    (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
    (import "env" "__faasm_write_output" (func $output (param i32 i32)))
    (memory (export "memory") 2)
    (func (export "_initialize") (i32.store8 (i32.const 0) (i32.const 62)))
    (func (export "exec") (result i32) (local $length i32)
      (local.set $length (call $input (i32.const 1) (i32.const 100000)))
      (call $output (i32.const 0) (i32.add (local.get $length) (i32.const 1)))
      (local.get $length)))`,
  'chain.wasm': `(module
    (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
    (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 8) "other\\00")
    (func (export "exec") (result i32) (call $await (call $chain (i32.const 8) (i32.const 0) (i32.const 0)))))`,
  'state.wasm': `(module
    (import "env" "__faasm_get_state_size" (func $size (param i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 8) "key\\00")
    (func (export "exec") (result i32) (call $size (i32.const 8))))`,
  'numbers.wasm': `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00hi\\0a")
    (global $added (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $added (i32.const 100)))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "half") (param f32) (result f32) (f32.div (local.get 0) (f32.const 2)))
    (func (export "all") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
      (local.get 3) (local.get 2) (local.get 1) (local.get 0))
    (func (export "none"))
    (func (export "initialized") (result i32) (global.get $added))
    (func (export "say") (result i32)
      (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (func (export "leave") (result i32) (call $exit (i32.const 9)) (i32.const 1))
    (func (export "trap") (unreachable))
    (func (export "refer") (param externref))
    (func (export "_start")))`,
  'deep.wasm': '(module (memory (export "memory") 1) (func $f (export "_start") (call $f)))',
  'none.wasm': '(module (import "env" "nothing" (func)) (func (export "_start")))',
};

test.before(async () => {
  for (const [name, wat] of Object.entries(modules)) {
    await writeFile(join(folder, name), wabt.parseWat(name, wat).toBinary({}).buffer);
  }
  const { wasm } = await buildModule({ sources: [{ path: 'program.c', text: program }] });
  await stopToolchain();
  await writeFile(join(folder, 'pro gram.wasm'), wasm);
  await writeFile(join(folder, 'source.c'), 'int main() { return 3; }');
});

interface Expected {
  readonly args: readonly string[];
  readonly stdin?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly stdout?: string;
  readonly stderr?: RegExp;
}

const runs = test.macro(async (t, expected: Expected) => {
  const { args, status, stdin = '', environment = {}, stdout = '', stderr = /^$/ } = expected;
  const run = await faasm(['run', ...args], { folder, stdin, environment });
  t.regex(run.stderr, stderr);
  t.is(run.stdout.toString(), stdout);
  t.is(run.status, status);
});

const name = 'pro gram.wasm';
test('faasm run gives arguments behind the name, and the environment', runs, {
  args: [name, '--env', 'KEY=a=b', '--', 'args', '--env', 'x y'],
  status: 0,
  stdout: 'pro_gram|args|--env|x y|a=b',
});
test('faasm run takes arguments without dashes as they come', runs, {
  args: [name, 'args', 'x', '--', '-y'],
  status: 0,
  stdout: 'pro_gram|args|x|-y|none',
});
test('faasm run passes input and output through', runs, {
  args: [name, 'cat'],
  stdin: 'x'.repeat(200_000),
  status: 0,
  stdout: 'x'.repeat(200_000),
});
for (const [code, status] of [
  [0, 0],
  [1, 1],
  [42, 42],
  [255, 255],
  [-1, 255],
  [256, 1],
]) {
  test(`faasm run exits with ${status} for ${code}`, runs, {
    args: [name, '--', 'exit', `${code}`],
    status: status!,
  });
}
test('faasm run loses nothing that was written before a trap', runs, {
  args: [name, 'trap'],
  status: 134,
  stdout: 'out',
  stderr: /^errfaasm: local\/pro_gram trapped: unreachable\n {2}trap: unreachable\n {2}backtrace:\n.*main/,
});
test('faasm run lets a program sleep', runs, { args: [name, 'sleep'], status: 0, stdout: 'slept' });
test('faasm run gives a function its input and puts its output out', runs, {
  args: ['echo.wasm'],
  stdin: 'hello',
  status: 5,
  stdout: '>hello',
});
test('faasm run refuses an input over the limit', runs, {
  args: ['echo.wasm'],
  stdin: 'hello',
  environment: { FAASM_INPUT_MAX_BYTES: '4' },
  status: 1,
  stderr: /more than 4 bytes; raise FAASM_INPUT_MAX_BYTES/,
});
test('faasm run compiles a source', runs, { args: ['source.c'], status: 3, stderr: /compiling source.c/ });
test('faasm run has no other functions', runs, {
  args: ['chain.wasm'],
  status: 134,
  stderr: /^faasm: local\/chain: Other functions are called through a host.*faasm deploy/,
});
test('faasm run has no state', runs, {
  args: ['state.wasm'],
  status: 134,
  stderr: /^faasm: local\/state: A host has state.*faasm deploy/,
});
test('faasm run tells of an overflowed stack', runs, {
  args: ['deep.wasm'],
  status: 134,
  stderr: /overflowed its stack/,
});
test('faasm run tells what nobody provides', runs, {
  args: ['none.wasm'],
  status: 1,
  stderr: /imports .*env\.nothing/,
});
test('faasm run tells what is no module', runs, { args: ['source.txt'], status: 1, stderr: /no such file/ });
test('faasm run tells of a folder', runs, { args: ['.'], status: 2, stderr: /is a folder, not a module/ });
test('faasm run tells of a place with ..', runs, {
  args: [name, '--dir', 'a::/../b'],
  status: 2,
  stderr: /\.\/folder::\/guest/,
});

const invoked = test.macro({
  title: (_, name, ...given) => `faasm run --invoke calls ${name} with ${given[0]}`,
  exec: async (t, name: string, given: string, results: string) => {
    const args = ['run', 'numbers.wasm', '--invoke', name, '--', ...given.split(' ').filter(Boolean)];
    const run = await faasm(args, { folder });
    t.deepEqual([run.status, run.stderr, run.stdout.toString()], [0, '', results]);
  },
});
test(invoked, 'add', '2 3', '5\n');
test(invoked, 'add', '-2 0x10', '14\n');
test(invoked, 'add', '4294967295 0', '-1\n');
test(invoked, 'half', '0.2', '0.1\n');
test(invoked, 'half', '-inf', '-inf\n');
test(invoked, 'half', 'nan', 'NaN\n');
test(invoked, 'all', '1 -9223372036854775808 1e-3 0.1', '0.1\n0.001\n-9223372036854775808\n1\n');
test(invoked, 'none', '', '');
test(invoked, 'initialized', '', '100\n');
test(invoked, 'say', '', 'hi\n0\n');

test('faasm run --invoke takes numbers without dashes as they come', runs, {
  args: ['numbers.wasm', '--invoke', 'add', '2', '3'],
  status: 0,
  stdout: '5\n',
});
test('faasm run --invoke exits as the function does', runs, {
  args: ['numbers.wasm', '--invoke', 'leave'],
  status: 9,
});
test('faasm run --invoke tells of a trap', runs, {
  args: ['numbers.wasm', '--invoke', 'trap'],
  status: 134,
  stderr: /^faasm: local\/numbers trapped: unreachable/,
});

const notInvoked = test.macro({
  title: (_, args: readonly string[]) => `faasm run --invoke refuses ${args.join(' ')}`,
  exec: async (t, args: readonly string[], message: string) => {
    const run = await faasm(['run', 'numbers.wasm', '--invoke', ...args], { folder });
    t.deepEqual([run.status, run.stderr, run.stdout.toString()], [1, `faasm: ${message}\n`, '']);
  },
});
test(
  notInvoked,
  ['ad'],
  'The module exports no function "ad": there is "_initialize", "add", "half", "all", "none", ' +
    '"initialized", "say", "leave", "trap", "refer", "_start"',
);
test(notInvoked, ['add', '1'], 'add is (i32, i32) -> (i32), so it takes 2 arguments, not 1');
test(notInvoked, ['add', '1', 'two'], 'add is (i32, i32) -> (i32), and "two" is no i32');
test(notInvoked, ['add', '1', '1.5'], 'add is (i32, i32) -> (i32), and "1.5" is no i32');
test(notInvoked, ['add', '1', '4294967296'], 'add is (i32, i32) -> (i32), and "4294967296" is no i32');
test(notInvoked, ['half', '--', '1,5'], 'half is (f32) -> (f32), and "1,5" is no f32');
test(
  notInvoked,
  ['refer', '1'],
  'refer is (reference) -> (), and only numbers can be given to and come from what is invoked',
);

test('faasm run shows folders, and writes one back', async (t) => {
  await mkdir(join(folder, 'in'));
  await mkdir(join(folder, 'out'));
  await writeFile(join(folder, 'in/a.txt'), 'text');
  await writeFile(join(folder, 'out/old.txt'), '');
  const dirs = ['--dir', './in', '--dir-rw', 'out::/out', '--cwd', '/out'];
  const run = await faasm(['run', name, ...dirs, '--', 'copy'], { folder });
  t.deepEqual([run.status, run.stderr], [0, '']);
  t.is(await readFile(join(folder, 'out/out.txt'), 'utf8'), 'text');
  await t.throwsAsync(readFile(join(folder, 'out/old.txt')));
});

test('faasm run says what of a folder it leaves out', async (t) => {
  const odd = join(folder, 'odd');
  await mkdir(odd);
  await writeFile(Buffer.from(`${odd}/caf\xe9`, 'latin1'), '');
  const pipes = Array.from({ length: 21 }, (_, each) => join(odd, `pipe${each}`));
  await once(spawn('mkfifo', pipes), 'close');
  const run = await faasm(['run', 'echo.wasm', '--dir', './odd::/odd'], { folder, stdin: '' });
  t.is(run.status, 0);
  const said = run.stderr.trimEnd().split('\n');
  t.is(said.length, 21);
  t.regex(run.stderr, /^faasm: left out odd\/pipe\d+: it is a named pipe$/m);
  t.is(said.at(-1), 'faasm: left out 2 more');
});

test('faasm run tells a program that nobody reads any more', async (t) => {
  const { type } = await import('../e2e/_curl.ts');
  const actor = join(import.meta.dirname, '../../actors/faasm.ts');
  const line = `{ "${process.execPath}" "${actor}" run "${name}" yes; echo $? > status; } | head -n 2`;
  const { stdout } = await type(line, folder);
  t.is(stdout.toString(), 'yes\nyes\n');
  t.is((await readFile(join(folder, 'status'), 'utf8')).trim(), '7');
});
