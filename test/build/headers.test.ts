/** Programs in the ways that Faasm's own examples are written, early and late, and the headers that they include. */
import test from 'ava';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { exportsOf, importsOf, runExec } from './guest.ts';

test.after.always(() => stopToolchain());

const build = async (path: string, text: string) => {
  const { wasm, warnings } = await buildModule({ sources: [{ path, text }] });
  return { wasm, warnings };
};

const builds = test.macro(async (t, path: string, text: string, imports: readonly string[]) => {
  const { wasm, warnings } = await build(path, text);
  t.is(warnings, '');
  const faasm = importsOf(wasm).filter((each) => each.startsWith('env.'));
  t.deepEqual(faasm.map((each) => each.replace('env.__faasm_', '')).sort(), [...imports].sort());
});

test.serial(
  'faasm.h takes a function within the namespace, as the founding examples have it',
  builds,
  'increment.cpp',
  `#include "faasm/faasm.h"
   #include "faasm/counter.h"
   namespace faasm {
       int exec(FaasmMemory *memory) {
           const char *key = "count";
           incrementCounter(memory, key);
           uint8_t *value = memory->readState(key, 4, true);
           value[0] = getCounter(memory, key);
           char setting[5];
           memory->readConfig("FULL_ASYNC", setting);
           memory->chainFunction("echo", value, 4);
           memory->setOutput((uint8_t *) setting, 5);
           return 0;
       }
   }`,
  [
    ...['lock_state_write', 'unlock_state_write', 'read_state', 'write_state', 'read_state_ptr'],
    ...['read_config', 'chain_name', 'write_output'],
  ],
);

test.serial(
  'faasm.h takes main() with the calls of core.h, as the present examples have it',
  builds,
  'present.cpp',
  `#include <faasm/faasm.h>
   #include <faasm/input.h>
   #include <string>
   int main(int argc, char* argv[]) {
       const char* text = faasm::getStringInput("nothing");
       long number = 7;
       faasmAppendState("log", BYTES(&number), sizeof(long));
       faasmReadState("key", BYTES(&number), sizeof(long));
       std::string output = std::string(text) + std::to_string(faasm::getIntInput() + number);
       faasmSetOutput(output.c_str(), output.size());
       return 0;
   }`,
  ['read_input', 'append_state', 'read_state', 'write_output'],
);

test.serial(
  'faasm.h is for C too, where bytes of any type are given without a cast',
  builds,
  'echo.c',
  `#include <faasm/faasm.h>
   #include <stdlib.h>
   int main(int argc, char* argv[]) {
       long size = faasmGetInputSize();
       uint8_t* input = malloc(size);
       char text[] = "text";
       faasmGetInput(input, size);
       faasmSetOutput(input, size);
       faasmSetOutput(text, sizeof text);
       return 0;
   }`,
  ['read_input', 'write_output'],
);

test.serial(
  'core.h has both forms of each state call in C, and a module may use both',
  builds,
  'forms.c',
  `#include "faasm/core.h"
   int main(void) {
       char bytes[8];
       long size = faasmReadState("k", bytes, 8);
       faasmReadState("k", bytes, 8, 1);
       faasmReadStateOffset("k", 16, 8, bytes, 8);
       faasmReadStateOffset("k", 16, 8, bytes, 8, 1);
       faasmWriteState("k", bytes, 8);
       faasmWriteState("k", bytes, 8, 1);
       faasmWriteStateOffset("k", 16, 8, bytes, 8);
       faasmWriteStateOffset("k", 16, 8, bytes, 8, 1);
       return size + *faasmReadStatePtr("k", 8) + *faasmReadStatePtr("k", 8, 1) +
              *faasmReadStateOffsetPtr("k", 16, 8, 8) + *faasmReadStateOffsetPtr("k", 16, 8, 8, 1);
   }`,
  [
    ...['read_state', 'read_state', 'read_state_offset', 'read_state_offset', 'write_state', 'write_state'],
    ...['write_state_offset', 'write_state_offset', 'read_state_ptr', 'read_state_ptr'],
    ...['read_state_offset_ptr', 'read_state_offset_ptr'],
  ],
);

test.serial(
  "host_interface.h takes being included within the program's own extern C",
  builds,
  'own.cpp',
  `extern "C" {
   #include "faasm/host_interface.h"
   }
   int main() { return __faasm_read_state("k", nullptr, 0) + (int) __faasm_conf_flag("on"); }`,
  ['read_state', 'conf_flag'],
);

test.serial('the small headers of the examples compile together', async (t) => {
  const headers = ['compare', 'core', 'counter', 'faasm', 'files', 'host_interface', 'input'];
  const all = [...headers, 'memory', 'print', 'random', 'time'];
  const { warnings } = await build(
    'all.cpp',
    `${all.map((name) => `#include "faasm/${name}.h"\n`).join('')}
     int main() {
         FAASM_PROF_START(all)
         int one[] = {1, 2}, *two = faasm::parseStringToIntArray("1 2", 2);
         faasm::shuffleArray(one, 2);
         const char* text = faasm::readFileToString("/none");
         FAASM_PROF_END(all)
         return faasm::compareArrays(one, two, 2) + faasm::randomString(4).size() + (text == nullptr) +
                faasm::randomInteger(1, 2) + faasm::randomFloat() + faasm::getSecondsSinceEpoch();
     }`,
  );
  t.is(warnings, '');
});

test.serial('a program that chains its own functions exports its table, and a reactor', async (t) => {
  const { wasm } = await build(
    'pointers.c',
    `#include "faasm/core.h"
     int child(void) { return 0; }
     int main(void) { return faasmAwaitCall(faasmChain(child, 0, 0)) + faasmChainBatch(child, "x", 3); }`,
  );
  t.true(importsOf(wasm).includes('env.__faasm_chain_ptr'));
  t.deepEqual(
    exportsOf(wasm).sort(),
    ['__indirect_function_table', '__wasm_call_dtors', '_initialize', 'exec', 'memory'].sort(),
  );
});

test.serial('FAASM_ZYGOTE() of a program with main() runs before it, after the constructors', async (t) => {
  const { wasm } = await build(
    'zygote.cpp',
    `#include <faasm/faasm.h>
     int built = faasmGetInputSize() + 2;
     FAASM_ZYGOTE() { built += 40; return 0; }
     int main() { return built; }`,
  );
  t.deepEqual(exportsOf(wasm).sort(), ['_faasm_zygote', '_initialize', 'exec', 'memory']);
  const run = await runExec(wasm, '', (exports) => exports._faasm_zygote!());
  t.is(run.returnValue, 42);
});

test.serial('setjmp() and longjmp() work in C and in C++, without a flag', async (t) => {
  for (const path of ['jump.c', 'jump.cpp']) {
    const { wasm } = await build(
      path,
      `#include <setjmp.h>
       #include "faasm/core.h"
       static jmp_buf back;
       static void deep(int n) { if (n == 0) longjmp(back, 7); deep(n - 1); }
       FAASM_ZYGOTE() { return 0; }
       int main(void) {
           volatile int tries = 0;
           int code = setjmp(back);
           if (code != 7 || ++tries < 3) deep(10);
           return code * 10 + tries;
       }`,
    );
    t.is((await runExec(wasm)).returnValue, 73, path);
  }
});

test.serial('a program without setjmp() has nothing of it', async (t) => {
  const { wasm } = await build('plain.c', 'int main(void) { return 0; }');
  const names = Buffer.from(wasm).toString('latin1');
  t.false(names.includes('__c_longjmp'));
  t.false(names.includes('__wasm_setjmp'));
});

test.serial('what libc does within the guest needs no flag: signals, clocks, mmap', async (t) => {
  const { wasm, warnings } = await build(
    'posix.c',
    `#include <signal.h>
     #include <sys/mman.h>
     #include <time.h>
     #include <unistd.h>
     static int got;
     static void handler(int signal) { got = signal; }
     int main(void) {
         signal(SIGUSR1, handler);
         raise(SIGUSR1);
         char* page = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         page[65535] = 1;
         return got == SIGUSR1 && page[0] == 0 && clock() >= 0 && getpid() > 0 ? 0 : 1;
     }`,
  );
  t.is(warnings, '');
  t.true(WebAssembly.validate(wasm));
});
