import test from 'ava';
import { toBacktrace } from '../../src/wasm/backtrace.ts';

test('toBacktrace() shows frames with and without a name, and none of the host', (t) => {
  const stack = `RuntimeError: divide by zero
    at wasm://wasm/5a8f9d2e:wasm-function[0]:0x3c
    at _Z3fooi (wasm://wasm/5a8f9d2e:wasm-function[12]:0x4a)
    at a (b) (wasm://wasm/some:name-5a8f9d2e:wasm-function[3]:0x50)
    at Faaslet.run (file:///src/faaslet.ts:3:7)`;
  t.is(
    toBacktrace(stack),
    'at (wasm-function[0]:0x3c)\nat foo(int) (wasm-function[12]:0x4a)\nat a (b) (wasm-function[3]:0x50)',
  );
});

test('toBacktrace() says where it leaves frames out', (t) => {
  const frames = (count: number) =>
    `Error\n${Array.from({ length: count }, (_, at) => `    at wasm://wasm/ab:wasm-function[${at}]:0x3c`).join('\n')}`;
  t.is(toBacktrace(frames(30), 50)!.split('\n').length, 30);
  t.regex(
    toBacktrace(frames(31), 50)!,
    /wasm-function\[29\]:0x3c\)\nat \.\.\. \(further frames are not shown\)$/,
  );
  t.regex(
    toBacktrace(frames(10), 10)!,
    /wasm-function\[9\]:0x3c\)\nat \.\.\. \(further frames are not shown\)$/,
  );
  t.is(toBacktrace('Error\n    at f (file:///x.ts:1:1)'), undefined);
});
