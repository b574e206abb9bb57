import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { fromContentRange, toRange } from '../../src/http/range.ts';

const ranges = test.macro({
  exec(t, text: string, sizeBytes: number, expected: ReturnType<typeof toRange>) {
    t.deepEqual(toRange(text, sizeBytes), expected);
  },
  title: (_, text, sizeBytes) => `toRange() of ${JSON.stringify(text)} in ${sizeBytes} bytes`,
});

test(ranges, 'bytes=0-0', 10, { offset: 0, length: 1 });
test(ranges, 'bytes=2-4', 10, { offset: 2, length: 3 });
test(ranges, 'bytes=2-', 10, { offset: 2, length: 8 });
test(ranges, 'bytes=2-99', 10, { offset: 2, length: 8 });
test(ranges, 'bytes=-3', 10, { offset: 7, length: 3 });
test(ranges, 'bytes=-30', 10, { offset: 0, length: 10 });
test(ranges, 'bytes=9-9', 10, { offset: 9, length: 1 });
test(ranges, 'bytes=10-', 10, 'unsatisfiable');
test(ranges, 'bytes=-0', 10, 'unsatisfiable');
test(ranges, 'bytes=0-', 0, 'unsatisfiable');
test(ranges, 'bytes=-5', 0, 'unsatisfiable');
test(ranges, 'bytes=4-2', 10, undefined);
test(ranges, 'bytes=-', 10, undefined);
test(ranges, 'bytes=0-1,3-4', 10, undefined);
test(ranges, 'lines=0-1', 10, undefined);
test(ranges, 'bytes=9999999999999999-', 10, undefined);

test('fromContentRange() gives offset and length', (t) => {
  t.deepEqual(fromContentRange('bytes 3-7/8'), { offset: 3, length: 5 });
  t.deepEqual(fromContentRange('bytes 0-0/*'), { offset: 0, length: 1 });
});

for (const text of ['bytes 7-3/8', 'bytes 3-8/8', 'bytes */8', '3-7/8', 'bytes 3-7', '']) {
  test(`fromContentRange() refuses ${JSON.stringify(text)}`, (t) => {
    t.is(t.throws(() => fromContentRange(text), { instanceOf: FaasmError })?.code, 'bad_request');
  });
}
