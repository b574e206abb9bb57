/** Commands that run at upload until they read their input, and go on from there in every call. */
import test from 'ava';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { startTestHost, type TestHost, wasm } from './_host.ts';

test.after.always(() => stopToolchain());

const build = async (text: string): Promise<Uint8Array> =>
  (await buildModule({ sources: [{ path: 'boot.c', text }] })).wasm;

const bootOnce = (settings: object = {}) => ({
  'X-Faasm-Settings': JSON.stringify({ bootOnce: true, ...settings }),
});

const call = async (at: TestHost, name: string, input: string, headers: HeadersInit = {}): Promise<string> =>
  (await at.post(name, input, headers)).text();

/** Reads its input deep inside, through pointers to functions, with values on either side of each frame. */
const deep = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int boots;
static char* heap;
static char input[64];

typedef long (*Step)(int depth, long sum, double weight);

static long down(int depth, long sum, double weight);
static Step volatile step = down;

static long down(int depth, long sum, double weight) {
    long before = sum * 3 + depth;
    double half = weight / 2;
    if (depth == 0) {
        size_t length = fread(input, 1, sizeof input - 1, stdin);
        return before + (long)length;
    }
    long below = step(depth - 1, before % 1000, half + 1);
    return below + before + (long)half;
}

int main(int argc, char** argv) {
    boots++;
    heap = strdup("kept");
    printf("boot %d, ", boots);
    fflush(stdout);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long sum = step(50, 7, 100.5);
    printf("%s %s %ld %s %d", heap, input, sum, argc > 1 ? argv[1] : "-", boots);
    heap[0] = 'K';
    return input[0] == 'x' ? 3 : 0;
}`;

test.serial(
  'each call goes on from the first read, with its own input and the memory of the boot',
  async (t) => {
    await using at = await startTestHost();
    const module = await build(deep);
    await at.put('ada/plain', module, { 'X-Faasm-Arg': 'arg' });
    const uploaded = await at.put('ada/f', module, bootOnce({ args: ['arg'] }));
    t.is(uploaded.status, 200, await uploaded.clone().text());
    for (const input of ['one', '', 'a longer input', 'one']) {
      const expected = await call(at, 'ada/plain', input);
      t.regex(expected, /^boot 1, kept .* arg 1$/);
      t.is(await call(at, 'ada/f', input), expected);
    }
    const failed = (await (await at.post('ada/f', 'x')).json()) as { returnValue: number };
    t.is(failed.returnValue, 3);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, each) => call(at, 'ada/f', `n${each}`)),
    );
    for (const [each, answer] of answers.entries())
      t.true(answer.startsWith(`boot 1, kept n${each} `), answer);

    await at.restart();
    t.is(await call(at, 'ada/f', 'again'), await call(at, 'ada/plain', 'again'));
  },
);

const reader = `
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
    char text[64] = {0}, input[64] = {0};
    int file = open("/lib/data", O_RDONLY);
    read(file, text, 3);
    read(0, input, 63);
    read(file, text + 3, 60);
    printf("%s %s", text, input);
    FILE* own = fopen("/lib/own", "w");
    fputs(input, own);
    fclose(own);
    own = fopen("/lib/own", "r");
    fgets(text, 64, own);
    printf(" %s", text);
    return 0;
}`;

test.serial(
  'a file that is open then is open in each call, where it was, unless it has changed',
  async (t) => {
    await using at = await startTestHost();
    const file = (body: string) => fetch(`${at.url}/file/ada/lib/data`, { method: 'PUT', body });
    await file('shared text');
    t.is((await at.put('ada/f', await build(reader), bootOnce())).status, 200);
    for (const input of ['one', 'two']) t.is(await call(at, 'ada/f', input), `shared text ${input} ${input}`);
    await fetch(`${at.url}/file/ada/other`, { method: 'PUT', body: 'x' });
    t.is(await call(at, 'ada/f', 'three'), 'shared text three three');
    await at.restart();
    t.is(await call(at, 'ada/f', 'four'), 'shared text four four');
    await file('another text');
    const refused = await at.post('ada/f', 'five');
    t.is(refused.status, 500);
    t.regex(await refused.text(), /booted with \/lib\/data, which has changed since; deploy it again/);
    await file('shared text');
    t.is(await call(at, 'ada/f', 'six'), 'shared text six six');
  },
);

test.serial('it goes with a runtime', async (t) => {
  await using at = await startTestHost();
  await fetch(`${at.url}/file/ada/lib/data`, { method: 'PUT', body: 'shared text' });
  await at.put('ada/reader', await build(reader));
  const headers = { 'X-Faasm-Runtime': 'reader', ...bootOnce() };
  t.is((await at.put('ada/f', new Uint8Array(0), headers)).status, 200);
  t.is(await call(at, 'ada/f', 'in'), 'shared text in in');
  t.is(await call(at, 'ada/reader', 'in'), 'shared text in in');
  const again = await at.put('ada/g', new Uint8Array(0), { 'X-Faasm-Runtime': 'f' });
  t.is(again.status, 400);
  t.regex(await again.text(), /is booted once/);
});

for (const [what, main, why, settings] of [
  ['that does not read', 'puts("x"); return 0;', /ended without reading its standard input/, {}],
  ['that exits before', 'exit(3);', /exited with 3 before it read/, {}],
  ['that traps before', '__builtin_trap();', /unreachable/, {}],
  ['that writes a file before', 'fclose(fopen("/tmp/x", "w")); getchar();', /it has changed \/tmp\/x/, {}],
  ['that takes too long', 'for (volatile int x = 1; x;); getchar();', /took more than/, {}],
  ['of CGI', 'getchar();', /CGI/, { cgi: true }],
] as const) {
  test.serial(`a command ${what} is refused`, async (t) => {
    await using at = await startTestHost();
    const module = await build(
      `#include <stdio.h>\n#include <stdlib.h>\nint main(void) { ${main} return 0; }`,
    );
    const refused = await at.put('ada/f', module, bootOnce(settings));
    t.is(refused.status, 400);
    t.regex(await refused.text(), why);
    t.is((await fetch(`${at.url}/f/ada/f`)).status, 404);
  });
}

const reads = '(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))';
const start = `(memory (export "memory") 1)
  (func $x)
  (func (export "_start") (i32.store (i32.const 4) (i32.const 8)) (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))`;

for (const [what, wat, why] of [
  [
    'that unwinds by itself',
    `(module ${reads} ${start} (export "asyncify_start_unwind" (func $x)))`,
    /unwinds by itself/,
  ],
  [
    'that imports of the host',
    `(module ${reads} (import "env" "__faasm_read_input" (func (param i32 i32) (result i32))) ${start})`,
    /imports env.__faasm_read_input/,
  ],
  [
    'whose memory has no room',
    `(module ${reads} ${start.replace(' 1)', ' 1 2)')})`,
    /no memory left for its stack/,
  ],
] as const) {
  test.serial(`a module ${what} is refused`, async (t) => {
    await using at = await startTestHost();
    const refused = await at.put('ada/f', wasm(wat), bootOnce());
    t.is(refused.status, 400);
    t.regex(await refused.text(), why);
  });
}

test.serial('a module may use what it does not name among its features', async (t) => {
  await using at = await startTestHost();
  const module = wasm(`(module ${reads}
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\20\\00\\00\\00\\04\\00\\00\\00")
    (func (export "_start")
      (memory.fill (i32.const 32) (i32.extend8_s (i32.const 45)) (i32.const 4))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`);
  const uploaded = await at.put('ada/f', module, bootOnce());
  t.is(uploaded.status, 200, await uploaded.clone().text());
  for (const input of ['one', 'to']) t.is(await call(at, 'ada/f', input), input.padEnd(4, '-'));
});
