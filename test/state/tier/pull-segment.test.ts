import test from 'ava';
import { chunkBytes } from '../../../src/state/stores/port.ts';
import { takeChanges } from '../../../src/state/tier/pull-segment.ts';
import {
  addMapping,
  allocateShared,
  createSegment,
  setSize,
  sizeOf,
  takeDirty,
  viewSegment,
  writeBytes,
} from '../../../src/state/tier/segment.ts';
import { Twin } from '../../../src/state/tier/twin.ts';
import { createRandom } from '../../random.ts';

/** A value that is clean, here and there the same. */
function start(bytes: Uint8Array) {
  const view = viewSegment(createSegment(allocateShared(2 * chunkBytes)));
  writeBytes(view, 0, bytes);
  takeDirty(view, 0, Number.MAX_SAFE_INTEGER);
  const twin = new Twin();
  twin.set({ offset: 0, bytes });
  return { view, twin, now: () => Buffer.from(view.data.subarray(0, sizeOf(view))) };
}

const text = (value: string) => new TextEncoder().encode(value);

const sizes: readonly [what: string, here: number, there: number, after: number][] = [
  ['grows with the one of the others', 10, 14, 14],
  ['shrinks with the one of the others', 10, 6, 6],
  ['stays larger where it grew here', 12, 11, 12],
  ['stays larger where it grew here, and shrank there', 12, 6, 12],
  ['is that of the others where it shrank here', 8, 11, 11],
];
for (const [what, here, there, after] of sizes) {
  test(`takeChanges(): the size ${what}`, (t) => {
    const { view, twin, now } = start(text('0123456789'));
    setSize(view, here);
    const changes = { sizeBytes: there, version: 2, ranges: [] };
    takeChanges(view, twin, 10, changes, []);
    t.is(now().length, after);
    t.is(view.version[0], 2);
  });
}

test('takeChanges() leaves nothing of what was cut off', (t) => {
  const { view, twin, now } = start(text('0123456789'));
  takeChanges(view, twin, 10, { sizeBytes: 4, version: 2, ranges: [] }, []);
  setSize(view, 10);
  t.is(now().toString(), '0123\0\0\0\0\0\0');
});

test('takeChanges() keeps what a guest wrote through mapped memory and has not told of', (t) => {
  const { view, twin, now } = start(text('0123456789'));
  addMapping(view, 2);
  view.data.set(text('x'), 3);
  const pieces = [{ offset: 0, bytes: text('abcdefghij') }];
  takeChanges(view, twin, 10, { sizeBytes: 10, version: 2, ranges: [] }, pieces);
  t.is(now().toString(), 'abcxefghij');
});

test('takeChanges() of a value without a twin keeps the chunks that were written here', (t) => {
  const { view, now } = start(new Uint8Array(2 * chunkBytes));
  writeBytes(view, 5, text('here'));
  const pieces = [{ offset: 0, bytes: new Uint8Array(2 * chunkBytes).fill(7) }];
  takeChanges(view, undefined, 2 * chunkBytes, { sizeBytes: 2 * chunkBytes, version: 2, ranges: [] }, pieces);
  t.is(now().subarray(0, 10).toString('latin1'), '\0\0\0\0\0here\0');
  t.deepEqual([now()[chunkBytes - 1], now()[chunkBytes], now().at(-1)], [0, 7, 7]);
});

for (const seed of [5, 6]) {
  test(`takeChanges() keeps bytes that differ here, and takes all others (seed ${seed})`, (t) => {
    const random = createRandom(seed);
    const size = chunkBytes + 2000;
    for (let round = 0; round < 20; round++) {
      const begin = random.bytes(size);
      const { view, twin, now } = start(begin);
      const expected = Buffer.from(begin);
      for (let writes = random.below(4); writes > 0; writes--) {
        const offset = random.below(size - 100);
        writeBytes(view, offset, random.bytes(100));
      }
      const here = now();
      const pieces = Array.from({ length: random.below(4) }, () => {
        const bytes = random.bytes(random.below(3000));
        return { offset: random.below(size - bytes.length), bytes };
      });
      const there = Buffer.from(begin);
      for (const { offset, bytes } of pieces) there.set(bytes, offset);
      for (let at = 0; at < size; at++) expected[at] = here[at] === begin[at] ? there[at]! : here[at]!;
      // As a store gives them: none overlaps another.
      takeChanges(view, twin, size, { sizeBytes: size, version: 2, ranges: [] }, [
        { offset: 0, bytes: there },
      ]);
      t.true(now().equals(expected));
    }
  });
}
