import test from 'ava';
import { hostPageBytes, wasmPageBytes } from '../../src/memory/port.ts';
import {
  countPages,
  eachRun,
  findRuns,
  type Mapping,
  mappingGapBytes,
  mappingsMax,
  toMappings,
} from '../../src/memory/runs.ts';
import { createRandom } from '../random.ts';

const pagesOf = (bytes: number) => bytes / hostPageBytes;

const found = test.macro({
  title: (_, what: string) => `findRuns() of ${what}`,
  exec(t, _what: string, set: readonly number[], expected: readonly number[]) {
    const bytes = new Uint8Array(8 * hostPageBytes);
    for (const at of set) bytes[at] = 1;
    t.deepEqual([...findRuns(bytes)], expected);
  },
});

test(found, 'zeros', [], []);
test(found, 'the first byte', [0], [0, 1]);
test(found, 'the last byte', [8 * hostPageBytes - 1], [7, 1]);
test(found, 'both sides of a page border', [hostPageBytes - 1, hostPageBytes], [0, 2]);
test(found, 'two runs', [hostPageBytes, 5 * hostPageBytes, 6 * hostPageBytes], [1, 1, 5, 2]);

const mapped = test.macro({
  title: (_, what: string) => `toMappings() of ${what}`,
  exec(t, _what: string, runs: readonly number[], expected: readonly Mapping[]) {
    t.deepEqual(toMappings(Uint32Array.from(runs)), [...expected]);
  },
});

const page = pagesOf(wasmPageBytes);
const gap = pagesOf(mappingGapBytes);
test(mapped, 'nothing', [], []);
test(mapped, 'one page', [17, 1], [{ byteOffset: wasmPageBytes, byteLength: wasmPageBytes }]);
test(mapped, 'near runs', [0, 1, gap, 1], [{ byteOffset: 0, byteLength: mappingGapBytes + wasmPageBytes }]);
test(mapped, 'runs that share a wasm page', [1, 1, 3, 1], [{ byteOffset: 0, byteLength: wasmPageBytes }]);
test(
  mapped,
  'far runs',
  [0, page, page + gap, 1],
  [
    { byteOffset: 0, byteLength: wasmPageBytes },
    { byteOffset: wasmPageBytes + mappingGapBytes, byteLength: wasmPageBytes },
  ],
);
test(
  mapped,
  'more far runs than there are mappings: the narrowest gaps are mapped along',
  [0, 1, 2 * gap, 1, 5 * gap, 1, 9 * gap, 1, 10 * gap + page, 1, 20 * gap, 1],
  [
    { byteOffset: 0, byteLength: 2 * mappingGapBytes + wasmPageBytes },
    { byteOffset: 5 * mappingGapBytes, byteLength: wasmPageBytes },
    { byteOffset: 9 * mappingGapBytes, byteLength: mappingGapBytes + 2 * wasmPageBytes },
    { byteOffset: 20 * mappingGapBytes, byteLength: wasmPageBytes },
  ],
);

test('toMappings() covers every run with few, aligned, ascending ranges that begin and end at one', (t) => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = createRandom(seed);
    const runs: number[] = [];
    let end = 0;
    for (let left = random.below(12); left > 0; left--) {
      const first = end + random.below(random.pick([2, 20, 300, 100_000]));
      const pages = 1 + random.below(random.pick([1, 30, 3000]));
      runs.push(first, pages);
      end = first + pages + 1;
    }
    const mappings = toMappings(Uint32Array.from(runs));
    t.true(mappings.length <= mappingsMax, `seed ${seed}`);
    let last = -1;
    for (const { byteOffset, byteLength } of mappings) {
      t.is(byteOffset % wasmPageBytes, 0, `seed ${seed}`);
      t.is(byteLength % wasmPageBytes, 0, `seed ${seed}`);
      t.true(byteOffset > last && byteLength > 0, `seed ${seed}`);
      last = byteOffset + byteLength;
    }
    const starts = new Set<number>();
    const ends = new Set<number>();
    eachRun(Uint32Array.from(runs), (offset, _, byteLength) => {
      starts.add(Math.floor(offset / wasmPageBytes) * wasmPageBytes);
      ends.add(Math.ceil((offset + byteLength) / wasmPageBytes) * wasmPageBytes);
      const covered = mappings.some(
        (one) => one.byteOffset <= offset && offset + byteLength <= one.byteOffset + one.byteLength,
      );
      t.true(covered, `seed ${seed}`);
    });
    t.true(
      mappings.every((one) => starts.has(one.byteOffset) && ends.has(one.byteOffset + one.byteLength)),
      `seed ${seed}`,
    );
  }
});

test('findRuns() and eachRun() give back every page that is not zero', (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = createRandom(seed);
    const bytes = new Uint8Array(16 * hostPageBytes);
    for (let left = random.below(20); left > 0; left--) bytes[random.below(bytes.length)] = 1;
    const runs = findRuns(bytes);
    const rebuilt = new Uint8Array(bytes.length);
    let expectedOffset = 0;
    eachRun(runs, (offset, pagesOffset, byteLength) => {
      t.is(pagesOffset, expectedOffset);
      expectedOffset += byteLength;
      rebuilt.set(bytes.subarray(offset, offset + byteLength), offset);
    });
    t.is(expectedOffset, countPages(runs) * hostPageBytes);
    t.is(Buffer.compare(rebuilt, bytes), 0, `seed ${seed}`);
  }
});
