import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { FaasmError } from '../../proto/errors.ts';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import type { BuildFlags, BuildStage, SourceFile } from '../../src/build/options.ts';
import { exportsOf, importsOf, runExec } from './guest.ts';

test.after.always(() => stopToolchain());

const exec = (body: string, above = ''): SourceFile => ({
  path: 'demo/program.cpp',
  text: `#include "faasm/faasm.h"\n${above}\nint faasm::exec(FaasmMemory* memory) {\n${body}\n}\n`,
});

const cProgram = (text: string): SourceFile => ({ path: 'program.c', text });

test.serial('buildModule() makes a reactor of faasm::exec', async (t) => {
  const { wasm, warnings } = await buildModule({ sources: [exec('return 5;')] });
  t.is(warnings, '');
  t.deepEqual(exportsOf(wasm).sort(), ['_initialize', 'exec', 'memory']);
  t.is((await runExec(wasm)).returnValue, 5);
});

test.serial('buildModule() makes a command of main(), in C and in C++', async (t) => {
  const c = await buildModule({ sources: [cProgram('int main(int argc, char** argv) { return argc; }')] });
  t.deepEqual(exportsOf(c.wasm).sort(), ['_start', 'memory']);
  const cpp = await buildModule({ sources: [{ path: 'program.cc', text: 'int main() { return 0; }' }] });
  t.deepEqual(exportsOf(cpp.wasm).sort(), ['_start', 'memory']);
});

test.serial('buildModule() leaves constructors to _initialize, and the zygote after them', async (t) => {
  const { wasm } = await buildModule({
    sources: [
      exec(
        'static char text[] = "00"; text[0] += built; text[1] += loaded; memory->setOutput(text); return 0;',
        `static int base() { return *(volatile int*)"\\3\\0\\0\\0"; }
        static int built = base();
        static int loaded = 0;
        FAASM_ZYGOTE(load) { loaded = built + 1; }`,
      ),
    ],
  });
  t.true(exportsOf(wasm).includes('_faasm_zygote'));
  t.is((await runExec(wasm)).output, '30');
  t.is((await runExec(wasm, '', (exports) => exports._faasm_zygote!())).output, '34');
});

test.serial('buildModule() lets faasm.h take standard containers', async (t) => {
  const body = 'auto text = memory->getInput<std::string>(); memory->setOutput(text + "!"); return 0;';
  const { wasm } = await buildModule({ sources: [exec(body, '#include <string>')] });
  t.is((await runExec(wasm, 'hello')).output, 'hello!');
});

test.serial('buildModule() writes out what stdio holds back when exec returns', async (t) => {
  const { wasm } = await buildModule({ sources: [exec('printf("x"); return 0;', '#include <stdio.h>')] });
  await t.throwsAsync(runExec(wasm), { message: /fd_(?:write|fdstat_get) was called/ });
});

test.serial('buildModule() imports the host interface for programs that declare it themselves', async (t) => {
  const { wasm } = await buildModule({
    sources: [
      cProgram('int __faasm_read_input(char*, int); int main(void) { return __faasm_read_input(0, 0); }'),
    ],
  });
  t.true(importsOf(wasm).includes('env.__faasm_read_input'));
});

test.serial('buildModule() gives C the short form of the host interface too', async (t) => {
  const { wasm } = await buildModule({
    sources: [
      cProgram(`#define FAASM_HOST_INTERFACE_SHORT
        #include "faasm/host_interface.h"
        int main(void) { return __faasm_read_state("key", 0, 0); }`),
    ],
  });
  t.true(importsOf(wasm).includes('env.__faasm_read_state'));
});

test.serial('buildModule() gives C the calls of core.h', async (t) => {
  const { wasm } = await buildModule({
    sources: [
      cProgram(`#include "faasm/core.h"
        int main(void) {
          char* output;
          int size;
          int returnValue = faasmAwaitCallOutput(faasmChainFunction("echo", 0, 0), &output, &size);
          faasmSetOutput((uint8_t*)output, size);
          return returnValue;
        }`),
    ],
  });
  t.true(exportsOf(wasm).includes('malloc'));
  t.true(importsOf(wasm).includes('env.__faasm_await_call_output'));
});

test.serial('buildModule() links several sources, C among C++, with their headers', async (t) => {
  const stages: [BuildStage, string][] = [];
  const { wasm } = await buildModule({
    sources: [
      exec('memory->setOutput(greeting()); return 0;', '#include "greeting.h"'),
      { path: 'demo/greeting.h', text: 'extern "C" const char* greeting();' },
      { path: 'demo/greeting.c', text: 'const char* greeting(void) { return "from C"; }' },
    ],
    onProgress: (...stage) => stages.push(stage),
  });
  t.is((await runExec(wasm)).output, 'from C');
  t.deepEqual(stages, [
    ['loading toolchain', ''],
    ['compiling', 'demo/program.cpp'],
    ['compiling', 'demo/greeting.c'],
    ['linking', ''],
  ]);
});

test.serial('buildModule() takes defines and include folders', async (t) => {
  const { wasm } = await buildModule({
    sources: [
      exec('memory->setOutput(GREETING SUFFIX); return 0;', '#include <words/suffix.h>'),
      { path: 'third party/include/words/suffix.h', text: '#define SUFFIX " and more"' },
    ],
    flags: { defines: ['GREETING="it\'s $x \\\\ `y`"'], includes: ['./third party/include/'] },
  });
  t.is((await runExec(wasm)).output, "it's $x \\ `y` and more");
});

test.serial('buildModule() optimizes as told', async (t) => {
  const loop = exec('int sum = 0; for (int i = 0; i < 9; i++) sum += i; return sum;');
  const none = await buildModule({ sources: [loop], flags: { optimize: '0' } });
  const size = await buildModule({ sources: [loop], flags: { optimize: 'z', extra: ['-flto'] } });
  t.true(size.wasm.length < none.wasm.length);
  t.is((await runExec(none.wasm)).returnValue, 36);
  t.is((await runExec(size.wasm)).returnValue, 36);
});

test.serial(
  'buildModule() hands libraries and linker flags to the linker, and knows one target only',
  async (t) => {
    const { wasm } = await buildModule({
      sources: [
        exec(
          'if (setjmp(back) != 0) return 7; longjmp(back, 1);',
          '#include <setjmp.h>\nstatic jmp_buf back;\nextern "C" int twice(int n) { return 2 * n; }',
        ),
      ],
      flags: {
        extra: [
          '--target=wasm32-unknown-unknown-wasm',
          ...['-mllvm', '-wasm-enable-sjlj', '-lsetjmp', '-Wl,--export=twice'],
        ],
      },
    });
    t.true(exportsOf(wasm).includes('twice'));
    t.is((await runExec(wasm)).returnValue, 7);
  },
);

test.serial('buildModule() gives warnings back', async (t) => {
  const { warnings } = await buildModule({
    sources: [cProgram('#warning mind this\nint main(void) { return 0; }')],
  });
  t.is(warnings, 'program.c:1:2: warning: mind this [-W#warnings]\n    1 | #warning mind this\n      |  ^');
});

test.serial('buildModule() writes the module to its output', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-build-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const output = join(folder, 'new', 'program.wasm');
  const { wasm } = await buildModule({ sources: [exec('return 0;')], output });
  t.deepEqual(new Uint8Array(await readFile(output)), wasm);
});

const refuses = test.macro(
  async (t, sources: readonly SourceFile[], message: string | RegExp, flags: Partial<BuildFlags> = {}) => {
    const error = await t.throwsAsync<FaasmError>(buildModule({ sources, flags }), {
      name: 'FaasmError',
      message,
    });
    t.is(error?.code, 'bad_request');
  },
);

test.serial(
  "buildModule() refuses an error in the compiler's own words",
  refuses,
  [exec('  return undefinedName;')],
  [
    'Cannot build demo/program.cpp:',
    "demo/program.cpp:4:10: error: use of undeclared identifier 'undefinedName'",
    '    4 |   return undefinedName;',
    '      |          ^~~~~~~~~~~~~',
  ].join('\n'),
);
test.serial(
  'buildModule() refuses an error in C',
  refuses,
  [cProgram('int main(void) { return x; }')],
  /^Cannot build program\.c:\nprogram\.c:1:25: error: /,
);
test.serial(
  'buildModule() says that there is no throw where the flags say so',
  refuses,
  [exec('throw 1;')],
  /program\.cpp:4:1: error: .*\n.*\n.*\nThe flags say that there are no C\+\+ exceptions: leave out -fno-exceptions\./,
  { extra: ['-fno-exceptions'] },
);
test.serial(
  'buildModule() says that there are no threads',
  refuses,
  [exec('std::thread([] {}).join(); return 0;', '#include <thread>')],
  /uses pthread_create\(\)\. This toolchain has no threads/,
);
test.serial(
  'buildModule() names a header that is missing',
  refuses,
  [exec('return 0;', '#include "missing.h"')],
  /fatal error: 'missing\.h' file not found/,
);
test.serial(
  'buildModule() names a symbol that is missing',
  refuses,
  [cProgram('int g(void); int main(void) { return g(); }')],
  /^Cannot build program\.c:\nwasm-ld: error: program\.c\.o: undefined symbol: g$/,
);
test.serial(
  'buildModule() refuses a program without an entry',
  refuses,
  [cProgram('int g(void) { return 0; }')],
  /Nothing to run: define `int faasm::exec/,
);
test.serial(
  'buildModule() refuses a program with two entries',
  refuses,
  [exec('return 0;'), cProgram('int main(void) { return 0; }')],
  /both main\(\) and faasm::exec\(\)/,
);
test.serial(
  'buildModule() refuses a flag that the compiler does not know',
  refuses,
  [exec('return 0;')],
  "Cannot build demo/program.cpp:\nclang++: error: unknown argument: '-fnonsense'",
  { extra: ['-fnonsense'] },
);
test.serial(
  'buildModule() survives a source that breaks the compiler',
  refuses,
  [cProgram(`int main(void) { return ${'('.repeat(200_000)}`)],
  /clang itself failed: .*nested too deeply/,
  { extra: ['-fbracket-depth=1000000'] },
);
test.serial(
  'buildModule() refuses sources without a program',
  refuses,
  [
    { path: 'a.h', text: '' },
    { path: 'b.txt', text: '' },
  ],
  /^Nothing to compile in "a\.h", "b\.txt"/,
);
test.serial(
  'buildModule() refuses two sources of one path',
  refuses,
  [cProgram(''), { path: './program.c', text: '' }],
  'Two source files have the same path',
);
test.serial(
  'buildModule() refuses an optimization that is none',
  refuses,
  [exec('')],
  /^Bad optimization "9"/,
  {
    optimize: '9' as '3',
  },
);
test.serial('buildModule() refuses a flag of several lines', refuses, [exec('')], /^Bad build flag "a\?b"/, {
  extra: ['a\nb'],
});
