import test from 'ava';
import { callMaxBytes } from '../../src/calls/limits.ts';
import { decodeMessage } from '../../src/calls/message.ts';
import { FrameReader, toFrame } from '../../src/receive/frames.ts';
import { createRandom } from '../random.ts';

function read(reader: FrameReader, piece: Uint8Array): string[] {
  reader.push(piece);
  return [...reader.takeAll()].map((bytes) => decodeMessage(bytes, 'frame').id);
}

test('FrameReader gives messages whole, however the stream is cut (seed 5)', (t) => {
  const random = createRandom(5);
  const sizes = [0, 1, 100, 127, 128, 129, 16_383, 16_384, 70_000];
  const frames = sizes.map((size, at) => toFrame({ id: `call-${at}`, inputData: random.bytes(size) }));
  const stream = Buffer.concat(frames);
  for (let round = 0; round < 50; round++) {
    const reader = new FrameReader(callMaxBytes);
    const found: string[] = [];
    for (let at = 0; at < stream.length; ) {
      const length = round === 0 ? 1 : 1 + random.below(round % 2 === 0 ? 10 : 100_000);
      found.push(...read(reader, stream.subarray(at, at + length)));
      at += length;
    }
    t.deepEqual(
      found,
      sizes.map((_, at) => `call-${at}`),
    );
    t.true(reader.isBetween);
  }
});

test('FrameReader waits for a length that has come in part', (t) => {
  const reader = new FrameReader(callMaxBytes);
  const frame = toFrame({ id: 'a', inputData: new Uint8Array(200) });
  t.deepEqual(read(reader, frame.subarray(0, 1)), []);
  t.deepEqual(read(reader, frame.subarray(1)), ['a']);
});

test('FrameReader knows that a message is not whole', (t) => {
  const reader = new FrameReader(callMaxBytes);
  t.deepEqual(read(reader, toFrame({ id: 'a' }).subarray(0, 2)), []);
  t.false(reader.isBetween);
});

test('FrameReader refuses a frame over its limit before its bytes have come', (t) => {
  const reader = new FrameReader(100);
  t.throws(() => read(reader, Uint8Array.of(101)), {
    code: 'too_large',
    message: /A frame of 101 bytes; there may be 100/,
  });
});

test('FrameReader takes a frame of just its limit', (t) => {
  const reader = new FrameReader(100);
  reader.push(Uint8Array.from([100, ...new Uint8Array(100).fill(1)]));
  t.deepEqual(reader.take(), new Uint8Array(100).fill(1));
  t.is(reader.take(), undefined);
});

test('FrameReader refuses a length that is no varint', (t) => {
  const reader = new FrameReader(callMaxBytes);
  t.throws(() => read(reader, new Uint8Array(6).fill(0xff)), { code: 'bad_message' });
  const long = new FrameReader(callMaxBytes);
  t.throws(() => read(long, Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0)), { code: 'bad_message' });
});

test('an empty frame is an empty message', (t) => {
  t.deepEqual(read(new FrameReader(10), Uint8Array.of(0, 0)), ['', '']);
});

test('what FrameReader gave stays as it is while more comes', (t) => {
  const reader = new FrameReader(callMaxBytes);
  const frames = Buffer.concat(['a', 'b', 'c', 'd'].map((id) => toFrame({ id })));
  const taken: Uint8Array[] = [];
  for (const length of [4, 3, 5, 8]) {
    const piece = Uint8Array.from(frames.subarray(0, length));
    frames.copyWithin(0, length);
    reader.push(piece);
    taken.push(...reader.takeAll());
  }
  t.is(taken.map((bytes) => decodeMessage(bytes, 'frame').id).join(''), 'abcd');
});
