import { Worker } from 'node:worker_threads';
import test from 'ava';
import { chunkBytes } from '../../../src/state/stores/port.ts';
import {
  addMapping,
  allocateShared,
  createSegment,
  dirtyBytes,
  flagDirty,
  giveBackDirty,
  isDirty,
  isDirtyAt,
  isMapped,
  readBytes,
  removeMapping,
  type SegmentView,
  setSize,
  sizeOf,
  takeDirty,
  viewSegment,
  word,
  writeBytes,
} from '../../../src/state/tier/segment.ts';
import { breakMutex, withMutex, withMutexLater } from '../../../src/state/tier/segment-mutex.ts';
import { createRandom } from '../../random.ts';

const all = Number.MAX_SAFE_INTEGER;
const make = (byteLength: number): SegmentView => viewSegment(createSegment(allocateShared(byteLength)));
const bytes = (...values: number[]) => Uint8Array.from(values);

test('writeBytes() makes the value as long as it has to be, readBytes() stops at its end', (t) => {
  const view = make(4096);
  t.true(writeBytes(view, 10, bytes(1, 2, 3)));
  t.false(writeBytes(view, 0, bytes(9)));
  t.is(sizeOf(view), 13);
  const into = new Uint8Array(20);
  t.is(readBytes(view, 0, into), 13);
  t.deepEqual([...into.subarray(9, 14)], [0, 1, 2, 3, 0]);
  t.is(readBytes(view, 13, into), 0);
  t.is(readBytes(view, 4000, into), 0);
});

test('writeBytes() and setSize() refuse what is beyond the capacity', (t) => {
  const view = make(4096);
  t.throws(() => writeBytes(view, 4095, bytes(1, 2)), { code: 'internal' });
  t.throws(() => setSize(view, 4097), { code: 'internal' });
});

test('setSize() that cuts and extends again shows zeros', (t) => {
  const view = make(4096);
  writeBytes(view, 0, new Uint8Array(100).fill(7));
  setSize(view, 10);
  setSize(view, 100);
  const into = new Uint8Array(100);
  readBytes(view, 0, into);
  t.deepEqual([...into], [...new Uint8Array(10).fill(7), ...new Uint8Array(90)]);
});

test('isDirtyAt() knows the chunks that were written, and no others', (t) => {
  const view = make(40 * chunkBytes);
  setSize(view, 40 * chunkBytes);
  takeDirty(view, 0, all);
  writeBytes(view, 2 * chunkBytes - 1, bytes(1));
  writeBytes(view, 33 * chunkBytes - 1, bytes(1, 2));
  const dirty = Array.from({ length: 40 }, (_, chunk) => chunk).filter((chunk) =>
    isDirtyAt(view, chunk * chunkBytes),
  );
  t.deepEqual(dirty, [1, 32, 33]);
  t.true(isDirtyAt(view, 2 * chunkBytes - 1));
  t.false(isDirtyAt(view, 2 * chunkBytes));
});

test('takeDirty() gives dirty chunks once, neighbours in one piece, the last one cut at the size', (t) => {
  const view = make(10 * chunkBytes);
  setSize(view, 9 * chunkBytes + 5);
  takeDirty(view, 0, all);
  writeBytes(view, chunkBytes - 1, bytes(1, 2));
  writeBytes(view, 9 * chunkBytes, bytes(3));
  t.is(dirtyBytes(view), 3 * chunkBytes);
  const part = takeDirty(view, 0, all);
  t.deepEqual(
    part?.pieces.map(({ offset, bytes: { length } }) => [offset, length]),
    [
      [0, 2 * chunkBytes],
      [9 * chunkBytes, 5],
    ],
  );
  t.is(part?.nextOffset, undefined);
  t.is(takeDirty(view, 0, all), undefined);
});

test('takeDirty() in parts takes each chunk once, and leaves what comes behind it dirty', (t) => {
  const view = make(10 * chunkBytes);
  writeBytes(view, 0, new Uint8Array(10 * chunkBytes).fill(1));
  const first = takeDirty(view, 0, 4 * chunkBytes);
  t.is(first?.nextOffset, 4 * chunkBytes);
  t.true(flagDirty(view, 0, 1));
  const second = takeDirty(view, 4 * chunkBytes, all);
  t.is(second?.pieces[0]?.bytes.length, 6 * chunkBytes);
  t.is(second?.nextOffset, undefined);
  t.deepEqual(
    takeDirty(view, 0, all)?.pieces.map(({ offset }) => offset),
    [0],
  );
});

test('giveBackDirty() makes a part dirty again', (t) => {
  const view = make(4 * chunkBytes);
  writeBytes(view, 2 * chunkBytes, bytes(1));
  const part = takeDirty(view, 0, all)!;
  t.false(isDirty(view));
  giveBackDirty(view, part);
  t.deepEqual(takeDirty(view, 0, all)?.pieces, part.pieces);
});

test('random writes and pushes leave the same bytes on the other side (seed 3)', (t) => {
  const random = createRandom(3);
  const view = make(8 * chunkBytes);
  let other = new Uint8Array(0);
  for (let step = 0; step < 500; step++) {
    const offset = random.below(8 * chunkBytes - 1000);
    if (random.below(5) === 0) setSize(view, offset);
    else writeBytes(view, offset, random.bytes(random.below(1000)));
    if (random.below(3) > 0) continue;
    let next: number | undefined = 0;
    while (next !== undefined) {
      const part = takeDirty(view, next, chunkBytes * (1 + random.below(4)));
      if (part === undefined) break;
      const resized = new Uint8Array(part.sizeBytes);
      resized.set(other.subarray(0, part.sizeBytes));
      for (const piece of part.pieces) resized.set(piece.bytes, piece.offset);
      other = resized;
      next = part.nextOffset;
    }
    const into = new Uint8Array(sizeOf(view));
    readBytes(view, 0, into);
    if (Buffer.compare(into, other) !== 0) t.fail(`differs at step ${step}`);
  }
  t.true(other.length > 0);
});

test('addMapping() counts an owner once, and refuses when all places are taken', (t) => {
  const view = make(4096);
  for (let owner = 1; owner <= 256; owner++) addMapping(view, owner);
  addMapping(view, 256);
  t.throws(() => addMapping(view, 257), { code: 'no_capacity' });
  removeMapping(view, 5);
  addMapping(view, 257);
  for (let owner = 1; owner <= 257; owner++) removeMapping(view, owner);
  t.false(isMapped(view));
});

/** Adds one to a number of three bytes, in steps that another thread must not come between. */
const increment = `
  import { workerData } from 'node:worker_threads';
  const { segment, owner, times, segmentUrl, mutexUrl } = workerData;
  const { viewSegment } = await import(segmentUrl);
  const { withMutex } = await import(mutexUrl);
  const view = viewSegment(segment);
  const add = () => {
    const number = view.data[0] + view.data[1] * 256 + view.data[2] * 65536 + 1;
    view.data[0] = number; view.data[1] = number >> 8; view.data[2] = number >> 16;
  };
  for (let i = 0; i < times; i++) withMutex(view, owner, add);
`;

function startThread(code: string, data: object): Worker {
  const source = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  return new Worker(source, {
    workerData: {
      ...data,
      segmentUrl: new URL('../../../src/state/tier/segment.ts', import.meta.url).href,
      mutexUrl: new URL('../../../src/state/tier/segment-mutex.ts', import.meta.url).href,
    },
    execArgv: [],
  });
}

const ended = (worker: Worker) =>
  new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });

const numberIn = ({ data }: SegmentView) => data[0]! + data[1]! * 256 + data[2]! * 65_536;

test('withMutex() lets two threads and the main thread count without losing one', async (t) => {
  const view = make(4096);
  const times = 200_000;
  const workers = [2, 3].map((owner) => startThread(increment, { segment: view.segment, owner, times }));
  let mine = 0;
  const running = Promise.all(workers.map(ended)).then(() => true);
  while (!(await Promise.race([running, new Promise((resolve) => setImmediate(resolve, false))]))) {
    await withMutexLater(view, () => {
      const number = numberIn(view) + 1;
      view.data.set([number & 255, (number >> 8) & 255, number >> 16]);
    });
    mine++;
  }
  t.true(mine > 0);
  t.is(numberIn(view), 2 * times + mine);
});

test('breakMutex() opens the mutex that a dead thread had, for those who wait', async (t) => {
  const view = make(4096);
  const hold = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { segment, owner, segmentUrl, mutexUrl } = workerData;
    const { viewSegment } = await import(segmentUrl);
    const { withMutex } = await import(mutexUrl);
    withMutex(viewSegment(segment), owner, () => { parentPort.postMessage('held'); for (;;); });
  `;
  const holder = startThread(hold, { segment: view.segment, owner: 2 });
  await new Promise((resolve) => holder.once('message', resolve));
  const waiter = startThread(increment, { segment: view.segment, owner: 3, times: 10 });
  while (Atomics.load(view.words, word.waiters) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await holder.terminate();
  t.is(view.words[word.mutex], 2);
  t.false(breakMutex(view, 4));
  t.true(breakMutex(view, 2));
  await ended(waiter);
  t.is(view.data[0], 10);
  t.is(
    withMutex(view, 1, () => 'free'),
    'free',
  );
});
