import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { decodeHeaders, encodeHeaders, headersSize } from '../../src/bus/headers.ts';
import { type Headers, isNoResponders } from '../../src/bus/port.ts';

const block = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const decodes = test.macro({
  title: (_, given: string) => `decodeHeaders() reads ${JSON.stringify(given)}`,
  exec(t, given: string, expected: Headers) {
    t.deepEqual({ ...decodeHeaders(block(given)) }, expected);
  },
});

test(decodes, 'NATS/1.0\r\nA: 1\r\n\r\n', { A: ['1'] });
test(decodes, 'NATS/1.0\r\nA:1\r\nB:  2 \r\nA: 3\r\n\r\n', { A: ['1', '3'], B: ['2'] });
test(decodes, 'NATS/1.0\r\nA: b: c\r\nEmpty:\r\n\r\n', { A: ['b: c'], Empty: [''] });
test(decodes, 'NATS/1.0\r\nA: grüße\r\n\r\n', { A: ['grüße'] });
test(decodes, 'NATS/1.0 503\r\n\r\n', { Status: ['503'] });
test(decodes, 'NATS/1.0 100 Idle Heartbeat\r\nLast: 7\r\n\r\n', {
  Status: ['100'],
  Description: ['Idle Heartbeat'],
  Last: ['7'],
});
test(decodes, 'NATS/1.0\r\n\r\n', {});
test(decodes, 'nonsense', {});
test(decodes, 'NATS/1.0\r\nno colon\r\n: no name\r\n\r\n', {});

test('decodeHeaders() makes own properties of every name', (t) => {
  const headers = decodeHeaders(block('NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n'));
  t.deepEqual(Object.entries(headers), [
    ['__proto__', ['x']],
    ['constructor', ['y']],
  ]);
  t.is(Object.getPrototypeOf(headers), Object.prototype);
});

test('encodeHeaders() gives the bytes that came', (t) => {
  const odd = block('NATS/1.0\r\na:1\r\nB:   2\r\n\r\n');
  t.deepEqual(encodeHeaders(decodeHeaders(odd)), odd);
});

test('encodeHeaders() writes every value, and a status into the first line', (t) => {
  t.is(text(encodeHeaders({ A: ['1', '2'], b: ['ü'] })), 'NATS/1.0\r\nA: 1\r\nA: 2\r\nb: ü\r\n\r\n');
  t.is(text(encodeHeaders({ Status: ['503'] })), 'NATS/1.0 503\r\n\r\n');
  t.is(
    text(encodeHeaders({ Status: ['409'], Description: ['Gone'], A: ['1'] })),
    'NATS/1.0 409 Gone\r\nA: 1\r\n\r\n',
  );
  t.is(text(encodeHeaders({ Status: ['fine'] })), 'NATS/1.0\r\nStatus: fine\r\n\r\n');
});

test('encodeHeaders() refuses what would break the block', (t) => {
  const bad: Headers[] = [
    { A: ['1\r\nB: 2'] },
    { A: ['1\n'] },
    { 'A:': ['1'] },
    { 'A b': ['1'] },
    { '': ['1'] },
    { 'A\r\n': ['1'] },
  ];
  for (const headers of bad) {
    t.is(t.throws(() => encodeHeaders(headers), { instanceOf: FaasmError })?.code, 'bad_request');
  }
});

test('headersSize() is the size of the block', (t) => {
  for (const headers of [{}, { A: ['1'] }, { A: ['1', '22'], Long: ['x'.repeat(100)] }]) {
    t.is(headersSize(headers), encodeHeaders(headers).length);
  }
});

test('isNoResponders() is true of an empty 503 alone', (t) => {
  const empty = new Uint8Array(0);
  t.true(isNoResponders({ headers: { Status: ['503'] }, body: empty }));
  t.false(isNoResponders({ headers: { Status: ['503'] }, body: Uint8Array.of(1) }));
  t.false(isNoResponders({ headers: { Status: ['404'] }, body: empty }));
  t.false(isNoResponders({ headers: undefined, body: empty }));
});
