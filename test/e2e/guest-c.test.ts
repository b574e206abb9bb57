/** Programs in C and C++ on a host: the calls of core.h, zygotes of main(), setjmp. */
import test from 'ava';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { startTestHost } from './_host.ts';

const at = await startTestHost();

test.after.always(async () => {
  await at[Symbol.asyncDispose]();
  await stopToolchain();
});

const answers = test.macro(async (t, path: string, text: string, input: string, output: string) => {
  const { wasm } = await buildModule({ sources: [{ path, text }] });
  const put = await at.put('ada/program', wasm);
  t.is(put.status, 200, await put.text());
  for (let call = 0; call < 3; call++) t.is(await (await at.post('ada/program', input)).text(), output);
});

test.serial(
  'both forms of a state call work in one module',
  answers,
  'state.c',
  `#include "faasm/core.h"
   #include <stdio.h>
   int main(void) {
     char all[8] = {0}, some[8] = {0}, part[8] = {0};
     faasmWriteState("forms", "hello", 5);
     faasmWriteStateOffset("forms", 5, 0, "J", 1, 1);
     long size = faasmReadState("forms", all, sizeof all);
     faasmReadState("forms", some, 3, 1);
     faasmReadStateOffset("forms", 5, 2, part, 2);
     uint8_t* shared = faasmReadStatePtr("forms", 5);
     uint8_t* shared_part = faasmReadStateOffsetPtr("forms", 5, 4, 1, 1);
     printf("%ld %zu %s %s %s %c%c", size, faasmReadStateSize("forms"), all, some, part, shared[0], *shared_part);
     return 0;
   }`,
  '',
  '5 5 Jello Jel ll Jo',
);

test.serial(
  'appended state, locks and a file as a value',
  answers,
  'append.c',
  `#include "faasm/core.h"
   #include <stdio.h>
   int main(void) {
     faasmLockStateWrite("log");
     faasmClearAppendedState("log");
     faasmAppendState("log", "ab", 2);
     faasmAppendState("log", "cd", 2);
     char all[5] = {0};
     faasmReadAppendedState("log", all, 4, 2);
     faasmUnlockStateWrite("log");
     FILE* file = fopen("/tmp/value", "w");
     fputs("from a file", file);
     fclose(file);
     unsigned long size = faasmWriteStateFromFile("file", "/tmp/value");
     printf("%s %lu %ld", all, size, faasmGetStateSize("file"));
     return 0;
   }`,
  '',
  'abcd 11 11',
);

test.serial(
  'a zygote and constructors of a program with main() have run before each call',
  answers,
  'zygote.cpp',
  `#include "faasm/faasm.h"
   #include <iostream>
   #include <string>
   std::string text = "built";
   FAASM_ZYGOTE(load) { text += " loaded"; }
   int main() {
     std::string input;
     std::getline(std::cin, input);
     text += " " + input;
     std::cout << text;
     return 0;
   }`,
  'called',
  'built loaded called',
);

test.serial(
  'a jump unwinds a parser',
  answers,
  'jump.c',
  `#include <setjmp.h>
   #include <stdio.h>
   static jmp_buf failed;
   static int digit(int c) { if (c < '0' || c > '9') longjmp(failed, c); return c - '0'; }
   int main(void) {
     int sum = 0, bad = setjmp(failed);
     if (bad) { printf("bad %c", bad); return 0; }
     for (int c; (c = getchar()) != EOF;) sum += digit(c);
     printf("%d", sum);
     return 0;
   }`,
  '12x',
  'bad x',
);
