/** What every memory under Faaslets has to do. */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import type { ExecutionContext, TestFn } from 'ava';
import {
  hostPageBytes,
  type MemoryImage,
  type MemoryPort,
  type PreparedImage,
  segmentMaxBytes,
  wasmPageBytes,
} from '../../src/memory/port.ts';
import { createRandom, type Random } from '../random.ts';

export interface AttachTask {
  readonly kind: MemoryPort['kind'];
  readonly prepared: PreparedImage;
  readonly calls: number;
}

export interface AttachAnswer {
  /** Whether the image showed after each of the calls. */
  readonly showed: boolean;
}

const maximum = 256;
const memoryOf = (pages: number) => new WebAssembly.Memory({ initial: pages, maximum });
const sharedMemoryOf = (pages: number) => new WebAssembly.Memory({ initial: pages, maximum, shared: true });
const bytesOf = (memory: WebAssembly.Memory) => new Uint8Array(memory.buffer);
const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const copyOf = (memory: WebAssembly.Memory) => bytesOf(memory).slice();

/** A few pages with something in them, at most. */
function scribble(memory: WebAssembly.Memory, random: Random, pages: number): void {
  const bytes = bytesOf(memory);
  for (let left = pages; left > 0; left--) {
    const at = random.below(bytes.length / hostPageBytes) * hostPageBytes + random.below(hostPageBytes - 64);
    for (let more = random.below(64); more >= 0; more--) bytes[at + more] = random.below(256);
  }
}

export function memoryContract(test: TestFn, name: string, create: () => MemoryPort): void {
  const port = create();
  const check = (title: string, run: (t: ExecutionContext) => void | Promise<void>) =>
    test.serial(`${name}: ${title}`, run);

  /** A Faaslet of a random image, and the image as bytes. */
  function start(t: ExecutionContext, pages = 4, seed = 1, make = memoryOf) {
    const source = memoryOf(pages);
    scribble(source, createRandom(seed), 8);
    const prepared = port.prepare(port.capture(source));
    t.teardown(() => port.discard(prepared));
    const memory = make(pages);
    return { image: copyOf(source), prepared, memory, attached: port.attach(memory, prepared) };
  }

  check('capture() takes the pages that are not zero, in ascending runs', (t) => {
    const memory = memoryOf(2);
    const bytes = bytesOf(memory);
    bytes[0] = 1;
    bytes[2 * hostPageBytes - 1] = 2;
    bytes[5 * hostPageBytes + 8] = 3;
    bytes[bytes.length - 1] = 4;
    const image = port.capture(memory);
    t.is(image.byteLength, 2 * wasmPageBytes);
    t.deepEqual([...image.runs], [0, 2, 5, 1, 31, 1]);
    t.is(image.pages.length, 4 * hostPageBytes);
    t.true(image.pages.buffer instanceof SharedArrayBuffer);
    t.is(image.pages[2 * hostPageBytes + 8], 3);
  });

  check('an image shows in a new memory exactly as it was captured', (t) => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = createRandom(seed);
      const source = memoryOf(1 + random.below(maximum));
      scribble(source, random, random.below(40));
      const prepared = port.prepare(port.capture(source));
      const memory = memoryOf(source.buffer.byteLength / wasmPageBytes);
      port.attach(memory, prepared);
      port.discard(prepared);
      t.true(isSame(bytesOf(memory), bytesOf(source)), `seed ${seed}`);
    }
  });

  check('an image of nothing but zeros takes no pages, and shows', (t) => {
    const image = port.capture(memoryOf(3));
    t.is(image.runs.length, 0);
    t.is(image.pages.length, 0);
    const memory = memoryOf(3);
    bytesOf(memory).fill(7);
    const prepared = port.prepare(image);
    const attached = port.attach(memory, prepared);
    port.discard(prepared);
    t.true(isSame(bytesOf(memory), new Uint8Array(3 * wasmPageBytes)));
    bytesOf(memory).fill(7);
    t.true(attached.reset());
    t.true(isSame(bytesOf(memory), new Uint8Array(3 * wasmPageBytes)));
  });

  check('a memory of no bytes at all can be attached and reset', (t) => {
    const prepared = port.prepare(port.capture(memoryOf(0)));
    const memory = memoryOf(0);
    const attached = port.attach(memory, prepared);
    port.discard(prepared);
    t.true(attached.reset());
    memory.grow(1);
    t.false(attached.reset());
  });

  check('attach() hides what instantiation wrote, and grows a memory that is smaller', (t) => {
    const { image, prepared } = start(t, 8);
    const memory = memoryOf(2);
    bytesOf(memory).fill(0xee);
    const attached = port.attach(memory, prepared);
    t.is(memory.buffer.byteLength, 8 * wasmPageBytes);
    t.true(isSame(bytesOf(memory), image));
    t.true(attached.reset());
  });

  check('attach() shows zeros beyond the image', (t) => {
    const { image, prepared } = start(t, 2);
    const memory = memoryOf(3);
    bytesOf(memory).fill(0xee);
    const attached = port.attach(memory, prepared);
    const expected = new Uint8Array(3 * wasmPageBytes);
    expected.set(image);
    t.true(isSame(bytesOf(memory), expected));
    bytesOf(memory).fill(0xee);
    t.true(attached.reset());
    t.true(isSame(bytesOf(memory), expected));
  });

  check('reset() shows the image again whatever was written', (t) => {
    const { image, memory, attached } = start(t, 16);
    const random = createRandom(99);
    for (let call = 0; call < 200; call++) {
      scribble(memory, random, random.below(60));
      t.true(attached.reset());
      t.true(isSame(bytesOf(memory), image), `call ${call}`);
    }
    bytesOf(memory).fill(0xff);
    t.true(attached.reset());
    t.true(isSame(bytesOf(memory), image), 'after every byte was written');
  });

  check('two Faaslets of one image do not see each other', (t) => {
    const { image, prepared, memory, attached } = start(t);
    const other = memoryOf(4);
    const otherAttached = port.attach(other, prepared);
    bytesOf(memory).fill(1);
    t.true(isSame(bytesOf(other), image));
    bytesOf(other).fill(2);
    t.true(bytesOf(memory).every((byte) => byte === 1));
    t.true(attached.reset());
    t.true(bytesOf(other).every((byte) => byte === 2));
    t.true(otherAttached.reset());
    t.true(isSame(bytesOf(memory), image));
    t.true(isSame(bytesOf(other), image));
  });

  check('a prepared image stays as it was captured when its source changes', (t) => {
    const source = memoryOf(1);
    bytesOf(source)[10] = 5;
    const prepared = port.prepare(port.capture(source));
    bytesOf(source)[10] = 6;
    const memory = memoryOf(1);
    port.attach(memory, prepared);
    port.discard(prepared);
    t.is(bytesOf(memory)[10], 5);
  });

  check('reset() refuses a memory that has grown, and takes one that asked for its size', (t) => {
    const { memory, attached } = start(t);
    memory.grow(0);
    t.true(attached.reset());
    memory.grow(1);
    t.false(attached.reset());
    t.false(attached.reset());
  });

  check('a shared memory is attached and reset like any other', (t) => {
    const { image, memory, attached } = start(t, 4, 5, sharedMemoryOf);
    t.true(memory.buffer instanceof SharedArrayBuffer);
    t.true(isSame(bytesOf(memory), image));
    bytesOf(memory).fill(9);
    t.true(attached.reset());
    t.true(isSame(bytesOf(memory), image));
    memory.grow(1);
    t.false(attached.reset());
  });

  check('a Faaslet that is attached outlives discard(), and discarding twice harms nobody', (t) => {
    const { image, prepared, memory, attached } = start(t);
    port.discard(prepared);
    const next = start(t, 4, 2);
    port.discard(prepared);
    bytesOf(memory).fill(3);
    t.true(attached.reset());
    t.true(isSame(bytesOf(memory), image));
    t.true(next.attached.reset());
    t.true(isSame(bytesOf(next.memory), next.image));
    t.notThrows(() => port.attach(memoryOf(4), next.prepared));
  });

  check('residentBytes() counts at least what a call has written, and at most the memory', (t) => {
    const { memory, attached } = start(t, 64);
    for (const pages of [0, 1, 4, 16]) {
      t.true(attached.reset());
      for (let page = 0; page < pages; page++) bytesOf(memory)[page * hostPageBytes * 3] = 1;
      const resident = attached.residentBytes();
      t.true(resident >= pages * hostPageBytes, `${resident} bytes for ${pages} pages`);
      t.true(resident <= memory.buffer.byteLength);
    }
  });

  check('prepare() refuses an image whose runs and pages do not fit together', (t) => {
    const good = port.capture(start(t).memory);
    const bad: Partial<MemoryImage>[] = [
      { byteLength: 1000 },
      { byteLength: 0 },
      { runs: Uint32Array.of(0) },
      { runs: Uint32Array.of(1, 1, 0, 1) },
      { runs: Uint32Array.of(0, 0) },
      { runs: Uint32Array.of(0, 2 ** 31) },
      { pages: good.pages.subarray(1) },
    ];
    for (const part of bad) {
      t.throws(() => port.prepare({ ...good, ...part }), { code: 'internal', message: /damaged/ });
    }
  });

  check('attach() refuses a memory that cannot grow to the image', (t) => {
    const { prepared } = start(t, 4);
    const small = new WebAssembly.Memory({ initial: 1, maximum: 2 });
    t.throws(() => port.attach(small, prepared), { code: 'no_capacity' });
  });

  check('growForWindow() leaves the image and is no growth to reset()', (t) => {
    const { image, memory, attached } = start(t, 4);
    const first = attached.growForWindow(1);
    const second = attached.growForWindow(3 * wasmPageBytes);
    t.is(first, 4 * wasmPageBytes);
    t.is(second, 5 * wasmPageBytes);
    t.is(memory.buffer.byteLength, 8 * wasmPageBytes);
    bytesOf(memory).fill(8);
    t.true(attached.reset());
    t.true(isSame(bytesOf(memory).subarray(0, image.length), image));
    t.true(isSame(bytesOf(memory).subarray(image.length), new Uint8Array(4 * wasmPageBytes)));
    memory.grow(1);
    attached.growForWindow(1);
    t.false(attached.reset(), 'the guest has grown its memory between windows');
  });

  check('growForWindow() says what to do when the memory may not grow', (t) => {
    const { image, memory, attached } = start(t, 4);
    t.throws(() => attached.growForWindow(maximum * wasmPageBytes), {
      code: 'guest_out_of_memory',
      message: /raise the function's memory limit/,
    });
    t.true(attached.reset());
    t.true(isSame(bytesOf(memory), image));
  });

  check('createSegment() gives zeros in whole wasm pages, and refuses more than a guest can address', (t) => {
    for (const [wanted, got] of [
      [0, wasmPageBytes],
      [1, wasmPageBytes],
      [wasmPageBytes, wasmPageBytes],
      [wasmPageBytes + 1, 2 * wasmPageBytes],
    ] as const) {
      const segment = port.createSegment(wanted);
      t.is(segment.byteLength, got);
      t.is(segment.buffer.byteLength, got);
      t.true(isSame(new Uint8Array(segment.buffer, 0, got), new Uint8Array(got)));
      port.discardSegment(segment);
    }
    t.throws(() => port.createSegment(segmentMaxBytes + 1), { code: 'too_large' });
  });

  check('a segment is the same bytes in every thread', async (t) => {
    const segment = port.createSegment(100);
    const script = `const { workerData } = require('node:worker_threads');
      const bytes = new Uint8Array(workerData.buffer, 0, workerData.byteLength);
      bytes[99] = bytes[98] + 1;`;
    const bytes = new Uint8Array(segment.buffer, 0, segment.byteLength);
    bytes[98] = 41;
    const worker = new Worker(script, { eval: true, workerData: segment });
    t.is(await exitOf(worker), 0);
    t.is(bytes[99], 42);
  });

  check('worker threads attach to an image that the main thread prepared', async (t) => {
    const { image, prepared, memory, attached } = start(t, 8);
    const answers = await Promise.all(
      [1, 2].map(() => attachElsewhere({ kind: port.kind, prepared, calls: 50 })),
    );
    t.deepEqual(answers, [{ showed: true }, { showed: true }]);
    t.true(isSame(bytesOf(memory), image));
    t.true(attached.reset());
  });

  check('an image prepared in a worker thread outlives it', async (t) => {
    const made = await prepareElsewhere(port.kind);
    t.teardown(() => port.discard(made));
    const memory = memoryOf(1);
    const attached = port.attach(memory, made);
    t.is(bytesOf(memory)[77], 77);
    bytesOf(memory)[77] = 1;
    t.true(attached.reset());
    t.is(bytesOf(memory)[77], 77);
  });

  check('Faaslets that are dropped leave nothing behind', async (t) => {
    const { prepared } = start(t, 4);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const cycle = async (count: number) => {
      for (let done = 0; done < count; done++) {
        const memory = memoryOf(4);
        const attached = port.attach(memory, prepared);
        bytesOf(memory)[done % memory.buffer.byteLength] = 1;
        attached.growForWindow(1);
        if (done % 500 === 499) {
          collect();
          await setTimeout(0);
        }
      }
      collect();
      await setTimeout(20);
      collect();
      return countMappings();
    };
    const before = await cycle(500);
    const after = await cycle(10_000);
    t.true(after < before + 100, `${before} mappings before, ${after} after`);
  });

  if (!port.canMapSegments) return;

  check('mapSegment() shows a segment in a window, both ways', (t) => {
    const { image, memory, attached } = start(t);
    const segment = port.createSegment(70_000);
    const shared = new Uint8Array(segment.buffer, 0, segment.byteLength);
    shared.set([1, 2, 3], 69_990);
    const window = attached.growForWindow(70_000);
    attached.mapSegment(segment, window);
    t.deepEqual([...bytesOf(memory).subarray(window + 69_990, window + 69_993)], [1, 2, 3]);
    bytesOf(memory)[window + 5] = 55;
    t.is(shared[5], 55);
    t.true(isSame(bytesOf(memory).subarray(0, image.length), image));
  });

  check('two Faaslets see one segment, and what one writes the other reads', (t) => {
    const one = start(t, 4, 1);
    const other = start(t, 4, 2);
    const segment = port.createSegment(1);
    const at = [one, other].map(({ attached }) => {
      const window = attached.growForWindow(1);
      attached.mapSegment(segment, window);
      return window;
    });
    bytesOf(one.memory)[at[0]! + 9] = 99;
    t.is(bytesOf(other.memory)[at[1]! + 9], 99);
  });

  check('reset() empties windows, keeps them, and leaves the segment as it is', (t) => {
    const { image, memory, attached } = start(t);
    const segment = port.createSegment(wasmPageBytes);
    const shared = new Uint8Array(segment.buffer, 0, segment.byteLength);
    const window = attached.growForWindow(2 * wasmPageBytes);
    const size = memory.buffer.byteLength;
    for (let call = 0; call < 50; call++) {
      attached.mapSegment(segment, window);
      t.is(bytesOf(memory)[window], call);
      bytesOf(memory)[window] = call + 1;
      bytesOf(memory)[window + wasmPageBytes] = 1;
      bytesOf(memory)[0] = 200;
      t.true(attached.reset());
      t.true(isSame(bytesOf(memory).subarray(0, image.length), image));
      t.true(isSame(bytesOf(memory).subarray(window), new Uint8Array(2 * wasmPageBytes)));
      bytesOf(memory)[window] = 77;
      t.is(shared[0], call + 1, 'an empty window is private');
      t.true(attached.reset());
    }
    t.is(memory.buffer.byteLength, size);
  });

  check('a window shows one segment after another, larger and smaller', (t) => {
    const { memory, attached } = start(t);
    const window = attached.growForWindow(3 * wasmPageBytes);
    const random = createRandom(7);
    for (let turn = 1; turn < 60; turn++) {
      const segment = port.createSegment((1 + random.below(3)) * wasmPageBytes);
      new Uint8Array(segment.buffer, 0, segment.byteLength).fill(turn);
      attached.mapSegment(segment, window);
      const expected = new Uint8Array(3 * wasmPageBytes).fill(turn, 0, segment.byteLength);
      t.true(isSame(bytesOf(memory).subarray(window), expected), `turn ${turn}`);
    }
    attached.unmapSegment(window);
    attached.unmapSegment(window);
    t.true(isSame(bytesOf(memory).subarray(window), new Uint8Array(3 * wasmPageBytes)));
    t.true(attached.reset());
  });

  check('a window still shows a segment that no thread refers to', async (t) => {
    const { memory, attached } = start(t);
    const window = attached.growForWindow(1);
    (() => {
      const segment = port.createSegment(1);
      new Uint8Array(segment.buffer, 0, 1)[0] = 31;
      attached.mapSegment(segment, window);
    })();
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    await setTimeout(20);
    t.is(bytesOf(memory)[window], 31);
  });

  check('discardSegment() frees the bytes: who still looks sees zeros', (t) => {
    const { memory, attached } = start(t);
    const segment = port.createSegment(1);
    const window = attached.growForWindow(1);
    attached.mapSegment(segment, window);
    bytesOf(memory)[window] = 1;
    port.discardSegment(segment);
    t.is(bytesOf(memory)[window], 0);
    t.is(new Uint8Array(segment.buffer, 0, 1)[0], 0);
  });

  check('mapSegment() refuses what is no window, and what the window has no room for', (t) => {
    const { image, memory, attached } = start(t);
    const window = attached.growForWindow(1);
    const small = port.createSegment(1);
    t.throws(() => attached.mapSegment(small, 0), { message: /no window begins at 0/ });
    t.throws(() => attached.mapSegment(small, window + 4096), { message: /no window begins/ });
    t.throws(() => attached.mapSegment(port.createSegment(wasmPageBytes + 1), window), {
      message: /does not fit/,
    });
    t.true(isSame(bytesOf(memory).subarray(0, image.length), image));
    t.true(attached.reset());
  });

  check('windows work in a shared memory', (t) => {
    const { memory, attached } = start(t, 4, 1, sharedMemoryOf);
    const segment = port.createSegment(1);
    const window = attached.growForWindow(1);
    attached.mapSegment(segment, window);
    bytesOf(memory)[window] = 4;
    t.is(new Uint8Array(segment.buffer, 0, 1)[0], 4);
    t.true(attached.reset());
    t.is(bytesOf(memory)[window], 0);
  });
}

const workerFile = new URL('../memory/attach-worker.ts', import.meta.url);

function attachElsewhere(task: AttachTask): Promise<AttachAnswer> {
  return answerOf(new Worker(workerFile, { workerData: task }));
}

function prepareElsewhere(kind: MemoryPort['kind']): Promise<PreparedImage> {
  return answerOf(new Worker(workerFile, { workerData: { kind } }));
}

function answerOf<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    let answer: T;
    worker.on('message', (message: T) => {
      answer = message;
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve(answer));
  });
}

function exitOf(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', resolve);
  });
}

function countMappings(): number {
  try {
    return readFileSync('/proc/self/maps', 'utf8').split('\n').length;
  } catch {
    return 0;
  }
}
