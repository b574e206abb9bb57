import test from 'ava';
import { Guest, memoryBytes, out } from './guest.ts';

const pointers = 2048;
const buffer = 3072;

const strings = test.macro({
  title: (_, functions: 'args' | 'environ', what: string) => `${functions}_get() passes ${what}`,
  exec(
    t,
    functions: 'args' | 'environ',
    _what: string,
    given: string[] | Record<string, string>,
    expected: string[],
  ) {
    const guest = new Guest(Array.isArray(given) ? { args: given } : { env: given });
    t.is(guest.call(`${functions}_sizes_get`, out, out + 4), 'success');
    const count = guest.u32(out);
    const byteLength = guest.u32(out + 4);
    t.is(count, expected.length);
    guest.memory.all().fill(0xff, buffer, buffer + 512);
    t.is(guest.call(`${functions}_get`, pointers, buffer), 'success');
    const found = expected.map((_, index) => guest.memory.cStringText(guest.u32(pointers + index * 4), 100));
    t.deepEqual(found, expected);
    t.is(
      byteLength,
      expected.reduce((sum, text) => sum + new TextEncoder().encode(text).length + 1, 0),
    );
    t.is(guest.memory.all()[buffer + byteLength], 0xff, 'nothing is written after the last NUL');
  },
});

test(strings, 'args', 'none', [], []);
test(strings, 'args', 'the program and its parameters', ['echo', '', 'a b', 'ü€'], ['echo', '', 'a b', 'ü€']);
test(strings, 'environ', 'none', {}, []);
test(strings, 'environ', 'names and values', { A: '1', B: '', C: 'x=y' }, ['A=1', 'B=', 'C=x=y']);

test('args_get() passes those of the present call', (t) => {
  const guest = new Guest({ args: ['first'] });
  guest.call('args_get', pointers, buffer);
  guest.wasi.reset();
  guest.begin({ args: ['second', 'x'] });
  guest.call('args_sizes_get', out, out + 4);
  t.is(guest.u32(out), 2);
  guest.call('args_get', pointers, buffer);
  t.is(guest.memory.cStringText(buffer, 100), 'second');
});

const fault = test.macro({
  title: (_, name: string, ...parameters: number[]) => `${name}() answers fault for ${parameters.join(', ')}`,
  exec(t, name: string, ...parameters: number[]) {
    t.is(new Guest({ args: ['a'], env: { A: 'b' } }).call(name, ...parameters), 'fault');
  },
});

for (const functions of ['args', 'environ']) {
  test(fault, `${functions}_sizes_get`, memoryBytes - 3, out);
  test(fault, `${functions}_sizes_get`, out, -1);
  test(fault, `${functions}_get`, memoryBytes - 3, buffer);
  test(fault, `${functions}_get`, pointers, memoryBytes - 1);
}
