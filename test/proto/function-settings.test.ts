import test from 'ava';
import {
  addSettings,
  noSettings,
  readExitCodes,
  toFunctionSettings,
  toVariable,
} from '../../proto/function-settings.ts';

test('toFunctionSettings() gives what is absent its default', (t) => {
  t.deepEqual(toFunctionSettings({}), noSettings);
  t.deepEqual(toFunctionSettings({ args: ['a', ''], env: { K: 'v=\n' }, cwd: '/data/in/' }), {
    args: ['a', ''],
    env: { K: 'v=\n' },
    cwd: '/data/in',
  });
  t.is(toFunctionSettings({ stateAccess: 'asynchronous' }).stateAccess, 'asynchronous');
});

test('toFunctionSettings() gives exit codes in order, each once', (t) => {
  t.deepEqual(toFunctionSettings({ exitCodes: [2, 0, -1, 2] }).exitCodes, [-1, 0, 2]);
  t.deepEqual(readExitCodes('0, 1'), [0, 1]);
  for (const text of ['', '0,', 'one', '1.5', '0x', '4294967296']) {
    t.throws(() => readExitCodes(text), { code: 'bad_request', message: /such as 0,1/ });
  }
});

test('addSettings() takes the name and the exit codes of the function, else those of its runtime', (t) => {
  const runtime = { ...noSettings, argv0: 'python3', exitCodes: [0, 1] };
  t.like(addSettings(runtime, noSettings), { argv0: 'python3', exitCodes: [0, 1] });
  t.like(addSettings(runtime, { ...noSettings, argv0: 'py', exitCodes: [2] }), {
    argv0: 'py',
    exitCodes: [2],
  });
});

const refuses = test.macro((t, value: unknown, message: RegExp) => {
  t.throws(() => toFunctionSettings(value), { code: 'bad_request', message });
});

test('toFunctionSettings() refuses what is no object', refuses, [], /args, env, cwd/);
test('toFunctionSettings() refuses a setting that it does not know', refuses, { cmd: 'x' }, /no "cmd"/);
test('toFunctionSettings() refuses one argument as a text', refuses, { args: 'a' }, /list/);
test('toFunctionSettings() refuses an argument that is no text', refuses, { args: [1] }, /text/);
test('toFunctionSettings() refuses a NUL in an argument', refuses, { args: ['a\0'] }, /NUL/);
test('toFunctionSettings() refuses half a character', refuses, { args: ['\ud800'] }, /Unicode/);
test('toFunctionSettings() refuses too many arguments', refuses, { args: new Array(257).fill('') }, /256/);
test('toFunctionSettings() refuses too long ones', refuses, { args: ['é'.repeat(20_000)] }, /32768 bytes/);
test('toFunctionSettings() refuses a program without a name', refuses, { argv0: '' }, /1 to 4096 bytes/);
test('toFunctionSettings() refuses a name with a NUL', refuses, { argv0: 'a\0' }, /NUL/);
test('toFunctionSettings() refuses one exit code', refuses, { exitCodes: 1 }, /list/);
test('toFunctionSettings() refuses an exit code that is no number', refuses, { exitCodes: ['1'] }, /list/);
test(
  'toFunctionSettings() refuses too many exit codes',
  refuses,
  { exitCodes: Array.from({ length: 65 }, (_, code) => code) },
  /64/,
);
test('toFunctionSettings() refuses an environment as a list', refuses, { env: ['A=b'] }, /object/);
test('toFunctionSettings() refuses a variable without a name', refuses, { env: { '': 'x' } }, /name/);
test('toFunctionSettings() refuses = in the name of a variable', refuses, { env: { 'a=b': 'x' } }, /"a=b"/);
test('toFunctionSettings() refuses a variable that is no text', refuses, { env: { A: null } }, /"A"/);
test(
  'toFunctionSettings() refuses an access to state that is neither',
  refuses,
  { stateAccess: 'sync' },
  /synchronous or/,
);
for (const cwd of [
  '',
  'data',
  '/a/../b',
  '/a//b',
  '/./a',
  `/${'x'.repeat(256)}`,
  `/${'x/'.repeat(600)}x`,
  7,
]) {
  test(
    `toFunctionSettings() refuses the working directory ${String(cwd).slice(0, 20)}`,
    refuses,
    { cwd },
    /./,
  );
}

test('toVariable() parts a name from its value at the first =', (t) => {
  t.deepEqual(toVariable('A=b=c'), ['A', 'b=c']);
  t.deepEqual(toVariable('A='), ['A', '']);
  for (const text of ['A', '=b', '']) t.throws(() => toVariable(text), { code: 'bad_request' });
});
