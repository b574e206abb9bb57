/** Programs of the founding toolchain on a host: their libc makes system calls, and their state calls have a flag. */
import test, { type ExecutionContext } from 'ava';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { startTestHost } from './_host.ts';

const at = await startTestHost();
test.after.always(async () => {
  await at[Symbol.asyncDispose]();
  await stopToolchain();
});

/** What such a libc is made of. */
const prelude = `
#define SYSCALL(name) __attribute__((import_module("env"), import_name(#name))) extern int name
struct stat { long long dev, ino, links; int mode, uid, gid, pad; long long rdev, size; int block; long long blocks;
  struct timespec { long long seconds; int ns; } times[3]; long long unused[3]; };
struct dirent { long long ino, offset; unsigned short length; unsigned char type; char name[256]; };
SYSCALL(__syscall0)(int);
SYSCALL(__syscall1)(int, int);
SYSCALL(__syscall2)(int, int, int);
SYSCALL(__syscall3)(int, int, int, int);
SYSCALL(__syscall6)(int, int, int, int, int, int, int);
static int length(const char* text) { int n = 0; while (text[n]) n++; return n; }
static void say(const char* text) { __syscall3(4, 1, (int)text, length(text)); }
static void number(int n) {
  char text[12]; int at = 12; unsigned rest = n < 0 ? -n : n;
  do text[--at] = '0' + rest % 10; while (rest /= 10);
  if (n < 0) text[--at] = '-';
  __syscall3(4, 1, (int)(text + at), 12 - at);
  say(" ");
}
`;

async function put(t: ExecutionContext, name: string, body: string): Promise<void> {
  const text = `${prelude}${body}`;
  const { wasm } = await buildModule({ sources: [{ path: `${name}.c`, text }] });
  const answer = await at.put(`old/${name}`, wasm);
  t.is(answer.status, 200, await answer.text());
}

test.serial('files, memory, time and the process, in call after call', async (t) => {
  await fetch(`${at.url}/file/old/lib/data.txt`, { method: 'PUT', body: 'shared' });
  await put(
    t,
    'all',
    `int main(void) {
       char buffer[64];
       int fd = __syscall3(5, (int)"/lib/data.txt", 0, 0);
       int n = __syscall3(3, fd, (int)buffer, 64);
       __syscall3(4, 1, (int)buffer, n);
       say(" ");
       number(__syscall1(6, fd));
       int made = __syscall3(5, (int)"/out.txt", 0102, 0644);
       number(__syscall3(4, made, (int)"12345", 5));
       struct stat stat;
       number(__syscall2(195, (int)"/out.txt", (int)&stat));
       number(stat.size);
       char* memory = (char*)__syscall6(192, 0, 300000, 3, 0x22, -1, 0);
       number(memory[299999]);
       memory[299999] = 7;
       int top = __syscall1(45, 0);
       number(__syscall1(45, top + 100000) - top);
       number(__syscall0(20));
       number(__syscall2(195, (int)"none", (int)&stat));
       struct timespec wait = {0, 2000000};
       number(__syscall2(162, (int)&wait, 0));
       __syscall1(252, 0);
       return 1;
     }`,
  );
  for (let call = 0; call < 3; call++) {
    const answer = await at.post('old/all');
    t.is(await answer.text(), 'shared 0 5 0 5 0 100000 23 -2 0 ');
  }
});

test.serial('a directory is listed, memory comes from sbrk, and the end skips what follows', async (t) => {
  await fetch(`${at.url}/file/old/dir/one`, { method: 'PUT', body: '1' });
  await fetch(`${at.url}/file/old/dir/two`, { method: 'PUT', body: '2' });
  await put(
    t,
    'more',
    `__attribute__((import_module("env"), import_name("_Exit"))) extern void leave(int);
     int main(void) {
       int fd = __syscall3(5, (int)"/dir", 0200000, 0);
       char* buffer = (char*)__syscall1(223, 65536);
       number(__syscall1(223, 0) == (int)buffer + 65536);
       int count = __syscall3(220, fd, (int)buffer, 2048);
       for (int at = 0; at < count;) {
         struct dirent* entry = (struct dirent*)(buffer + at);
         if (entry->name[0] != '.') { say(entry->name); say(entry->type == 8 ? ":file " : ":? "); }
         at += entry->length;
       }
       leave(0);
       return 1;
     }`,
  );
  t.is(await (await at.post('old/more')).text(), '1 one:file two:file ');
});

for (const [name, body, said] of [
  ['open_blocked', '__syscall3(5, (int)"/etc/passwd", 0, 0);', 'Attempt to open invalid file'],
  [
    'socket',
    'int args[3] = {2, 1, 0}; int fd = __syscall2(102, 1, (int)args); args[0] = fd + 1; __syscall2(102, 3, (int)args);',
    'fd not owned by this function',
  ],
  [
    'stdin_poll',
    'short fds[4] = {0, 0, 1, 0}; __syscall3(168, (int)fds, 1, 0);',
    'Attempt to interact with stdin',
  ],
] as const) {
  test.serial(`${name}: what the original forbids ends the call in its words`, async (t) => {
    await put(t, name, `int main(void) { ${body} return 0; }`);
    const answer = await at.post(`old/${name}`);
    t.is(answer.status, 500);
    const problem = (await answer.json()) as { code: string; detail: string };
    t.is(problem.code, 'guest_trapped');
    t.true(problem.detail.includes(said), problem.detail);
  });
}

test.serial('the memory is kept as state, and put back', async (t) => {
  await put(
    t,
    'snapshot',
    `__attribute__((import_module("env"), import_name("__faasm_snapshot_memory"))) extern void snapshot(const char*);
     __attribute__((import_module("env"), import_name("__faasm_restore_memory"))) extern void restore(const char*);
     static volatile int kept = 1;
     int main(void) {
       kept = 42;
       snapshot("memory");
       kept = 7;
       restore("memory");
       number(kept);
       return 0;
     }`,
  );
  t.is(await (await at.post('old/snapshot')).text(), '42 ');
});

test.serial('a later libc asks for memory and files by name', async (t) => {
  await put(
    t,
    'later',
    `SYSCALL(__sbrk)(int);
     SYSCALL(mmap)(int, int, int, int, int, long long);
     SYSCALL(munmap)(int, int);
     __attribute__((import_module("env"), import_name("dup"))) extern int duplicate(int);
     SYSCALL(__wasi_fd_dup)(int, int);
     SYSCALL(getcwd)(int, int);
     SYSCALL(pthread_mutex_lock)(int);
     int main(void) {
       char* first = (char*)__sbrk(65536);
       first[65535] = 1;
       number(__sbrk(0) - (int)first);
       number(munmap(mmap(0, 100000, 3, 0x22, -1, 0), 100000));
       int copy = 0;
       number(__wasi_fd_dup(1, (int)&copy));
       number(copy == duplicate(1) - 1);
       __syscall3(4, copy, (int)"copy ", 5);
       number(getcwd((int)first, 100) == (int)first);
       say(first);
       number(pthread_mutex_lock((int)first));
       return 0;
     }`,
  );
  t.is(await (await at.post('old/later')).text(), '65536 0 0 1 copy 1 /0 ');
});

test.serial('a file becomes state, and what is not provided says so when it is called', async (t) => {
  await fetch(`${at.url}/file/old/value.txt`, { method: 'PUT', body: 'from a file' });
  const module = (name: string, call: string) => `(module
    (import "env" "${name}" (func $it (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "key\\00") (data (i32.const 16) "/value.txt\\00") (data (i32.const 32) "/none\\00")
    (func (export "main") (param i32 i32) (result i32) ${call}))`;
  const call = (path: number) => `(i32.sub (call $it (i32.const 8) (i32.const ${path})) (i32.const 11))`;
  const fromFile = '__faasm_write_state_from_file';
  for (const [name, wat] of [
    ['from_file', module(fromFile, call(16))],
    ['from_none', module(fromFile, call(32))],
    ['popen', module('popen', '(call $it (i32.const 8) (i32.const 8))')],
  ] as const) {
    const answer = await at.put(`old/${name}`, wat);
    t.is(answer.status, 200, await answer.text());
  }
  t.is((await at.post('old/from_file')).status, 200);
  t.is(await (await fetch(`${at.url}/s/old/key`)).text(), 'from a file');
  t.regex(
    await (await at.post('old/from_none')).text(),
    /State cannot be written from \/none: no file is there/,
  );
  t.regex(await (await at.post('old/popen')).text(), /popen is not provided to functions/);
});

test.serial('main() has its arguments, and what libc holds is written out when it returns', async (t) => {
  const module = await at.put(
    'old/arguments',
    `(module
      (import "env" "__syscall3" (func $call (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 2)
      (global $stack (mut i32) (i32.const 65536))
      (data (i32.const 16) "flushed") (data (i32.const 32) "0;")
      (func $say (param $text i32) (local $length i32)
        (loop $next
          (if (i32.load8_u (i32.add (local.get $text) (local.get $length)))
            (then (local.set $length (i32.add (local.get $length) (i32.const 1))) (br $next))))
        (drop (call $call (i32.const 4) (i32.const 1) (local.get $text) (local.get $length))))
      (func (export "main") (param $argc i32) (param $argv i32) (result i32)
        (i32.store8 (i32.const 32) (i32.add (i32.const 48) (local.get $argc)))
        (call $say (i32.const 32))
        (loop $next
          (call $say (i32.load (local.get $argv)))
          (i32.store16 (i32.const 32) (i32.const 44))
          (call $say (i32.const 32))
          (local.set $argv (i32.add (local.get $argv) (i32.const 4)))
          (br_if $next (i32.load (local.get $argv))))
        (i32.const 0))
      (func (export "fflush") (param i32) (result i32)
        (call $say (i32.add (i32.const 16) (local.get 0)))
        (i32.const 0)))`,
  );
  t.is(module.status, 200, await module.text());
  for (let call = 0; call < 2; call++) {
    t.is(await (await at.post('old/arguments')).text(), '1;arguments,flushed');
    const more = await at.post('old/arguments', '', { 'X-Faasm-Arg': 'x y' });
    t.is(await more.text(), '2;arguments,x y,flushed');
  }
});

test.serial('what founding modules import beside it is there', async (t) => {
  const answer = await at.put(
    'old/imports',
    `(module
      (import "env" "getrlimit" (func (param i32 i32) (result i32)))
      (import "env" "ioctl" (func (param i32 i32 i32) (result i32)))
      (import "env" "dlopen" (func $open (param i32 i32) (result i32)))
      (import "env" "dlsym" (func (param i32 i32) (result i32)))
      (import "env" "_exit" (func (param i32)))
      (import "env" "__faasm_sm_reduce" (func $reduce (param i32 i32 i32 i32)))
      (import "env" "__faasm_sm_critical_local" (func $enter))
      (import "env" "_Unwind_RaiseException" (func $raise (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "main") (param i32 i32) (result i32)
        (call $enter) (call $reduce (i32.const 0) (i32.const 2) (i32.const 1) (i32.const 0))
        (if (call $open (i32.const 8) (i32.const 0)) (then (return (i32.const 1))))
        (call $raise (i32.const 0))))`,
  );
  t.is(answer.status, 200, await answer.text());
  t.regex(await (await at.post('old/imports')).text(), /a C\+\+ exception that nobody caught/);
  for (const [name, near] of [
    ['__syscal3', '__syscall\\d?'],
    ['_sbrk', '__sbrk'],
    ['pthread_mutex_lok', 'pthread_mutex_lock'],
  ] as const) {
    const unknown = await at.put(
      'old/unknown',
      `(module (import "env" "${name}" (func (param i32))) (memory (export "memory") 1) (func (export "exec") (result i32) (i32.const 0)))`,
    );
    t.is(unknown.status, 400);
    t.regex(await unknown.text(), new RegExp(`env\\.${name} \\(did you mean env\\.${near}\\?\\)`));
  }
});
