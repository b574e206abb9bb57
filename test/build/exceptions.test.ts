import test from 'ava';
import {
  exceptionSymbol,
  exceptionsAsked,
  lacksExceptions,
  throwsOrCatches,
} from '../../src/build/exceptions.ts';

const says = test.macro((t, text: string, expected: boolean) => {
  t.is(throwsOrCatches({ path: 'a.cpp', text }), expected);
});

test('throwsOrCatches() sees a throw', says, 'int f() { throw 1; }', true);
test(
  'throwsOrCatches() sees a function that is a try block',
  says,
  'int f() try { g(); } catch (...) {}',
  true,
);
test('throwsOrCatches() passes over names', says, 'int trying, rethrow; void catches();', false);
test('throwsOrCatches() passes over comments', says, '// throw\n/* try\n catch */ int x;', false);
test('throwsOrCatches() passes over texts', says, 'const char* a = "try \\" throw"; char b = \'"\';', false);
test('throwsOrCatches() sees what stands behind a text', says, 'f("//"); throw 1;', true);

test('exceptionsAsked() takes the last flag of them', (t) => {
  t.is(exceptionsAsked(['-O2', '-g']), undefined);
  t.true(exceptionsAsked(['-fno-exceptions', '-fexceptions']));
  t.true(exceptionsAsked(['-fwasm-exceptions']));
  t.false(exceptionsAsked(['-fexceptions', '-fno-exceptions']));
});

test('lacksExceptions() knows what the compiler says', (t) => {
  t.true(lacksExceptions("a.cpp:1:1: error: cannot use 'throw' with exceptions disabled"));
  t.false(lacksExceptions('a.cpp:1:1: error: unknown type name'));
});

test('exceptionSymbol is of objects that throw or catch, not of those that define how', (t) => {
  t.regex('         U __cxa_throw\n', exceptionSymbol);
  t.regex('a.o:\n         U __cxa_begin_catch\n', exceptionSymbol);
  t.notRegex('00000001 T __cxa_throw\n         U __cxa_atexit\n', exceptionSymbol);
});
