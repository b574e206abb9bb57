import { readFileSync } from 'node:fs';
import test from 'ava';
import protobuf from 'protobufjs';
import { FaasmError } from '../../proto/errors.ts';
import { callMaxBytes, messageMaxFields, metadataMaxBytes } from '../../src/calls/limits.ts';
import { decodeMessage, emptyMessage, encodeMessage, type Message } from '../../src/calls/message.ts';
import { createRandom, type Random } from '../random.ts';

const text = (value: string) => Buffer.from(value, 'utf8');
const schema = protobuf
  .parse(readFileSync(new URL('../../proto/faasm.proto', import.meta.url), 'utf8'), { keepCase: true })
  .root.lookupType('faasm.Message');

const full: Message = {
  user: 'demo',
  function: 'echo',
  type: 'KILL',
  resultKey: 'result-1',
  statusKey: 'status-1',
  success: true,
  isAsync: true,
  inputData: Uint8Array.of(1, 2, 3),
  outputData: Uint8Array.of(4, 5),
  id: 'call-1',
  parentId: 'call-0',
  rootId: 'call-r',
  depth: 300,
  deadlineMs: 1_795_000_000_123,
  version: 'a'.repeat(64),
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  idempotencyKey: 'once',
  input: { kind: 's3', bucket: 'in', key: 'a/b' },
  output: { kind: 'redis', key: 'out' },
  returnValue: -7,
  error: { code: 'not_found', message: 'Grüße', details: '{}' },
  given: { args: ['-x', ''], env: { LANG: 'de=DE' } },
  pointer: 8,
  response: { status: 302, headers: ['Location: /ü', 'A: '] },
  ranUs: 1234,
  treeCalls: 20_000,
  request: {
    method: 'PUT',
    target: '/f/demo/echo/a%20b?c=d',
    protocol: 'HTTP/1.1',
    headers: ['Host: x', 'Cookie: a=1'],
    address: '::1',
    port: 8001,
  },
};
/** As the schema has it. */
const given = { args: ['-x', ''], env: ['LANG=de=DE'] };

test('decodeMessage() reads what encodeMessage() wrote', (t) => {
  t.deepEqual(decodeMessage(encodeMessage(full), 'message'), full);
  t.deepEqual(decodeMessage(encodeMessage({}), 'message'), { ...emptyMessage });
  t.is(encodeMessage(emptyMessage).length, 0);
});

test('encodeMessage() and decodeMessage() agree with the schema in every field', (t) => {
  const places = { inputS3: { bucket: 'in', key: 'a/b' }, outputRedisKey: 'out' };
  const { input: _, output: __, ...fields } = full;
  const rest = { ...fields, given };
  const plain = { ...rest, ...places, type: 3, input: 'inputS3', output: 'outputRedisKey' };
  const read = schema.toObject(schema.decode(encodeMessage(full)), { longs: Number, oneofs: true });
  t.deepEqual({ ...read, inputData: [...read.inputData], outputData: [...read.outputData] }, {
    ...plain,
    inputData: [1, 2, 3],
    outputData: [4, 5],
  } as never);
  const written = schema.encode(schema.fromObject({ ...rest, ...places, type: 3 })).finish();
  t.deepEqual(decodeMessage(written, 'message'), full);

  const others = { inputRedisKey: 'in', outputS3: { bucket: 'b', key: 'k' } };
  t.deepEqual(decodeMessage(schema.encode(schema.fromObject(others)).finish(), 'message'), {
    ...emptyMessage,
    input: { kind: 'redis', key: 'in' },
    output: { kind: 's3', bucket: 'b', key: 'k' },
  });
  t.is(schema.fieldsArray.length, 9 + 20);
});

test('the bytes of a founding client decode', (t) => {
  const bytes = Buffer.concat([
    Buffer.of(0x0a, 4), // 1, user
    text('demo'),
    Buffer.of(0x12, 4), // 2, function
    text('echo'),
    Buffer.of(0x18, 2), // 3, type: CALL
    Buffer.of(0x22, 3), // 4, resultKey
    text('r-1'),
    Buffer.of(0x2a, 3), // 5, statusKey
    text('s-1'),
    Buffer.of(0x30, 1), // 6, success
    Buffer.of(0x38, 1), // 7, isAsync
    Buffer.of(0x42, 5), // 8, inputData
    text('hello'),
    Buffer.of(0x4a, 2), // 9, outputData
    text('ok'),
  ]);
  t.deepEqual(decodeMessage(bytes, 'message'), {
    ...emptyMessage,
    user: 'demo',
    function: 'echo',
    type: 'CALL',
    resultKey: 'r-1',
    statusKey: 's-1',
    success: true,
    isAsync: true,
    inputData: Uint8Array.from(text('hello')),
    outputData: Uint8Array.from(text('ok')),
  });
});

test('decodeMessage() gives views of its input', (t) => {
  const bytes = encodeMessage({ inputData: Uint8Array.of(1, 2, 3) });
  const { inputData } = decodeMessage(bytes, 'message');
  t.is(inputData.buffer, bytes.buffer);
  t.is(inputData.constructor, Uint8Array);
  bytes[bytes.length - 1] = 9;
  t.is(inputData[2], 9);
});

test('unknown fields are skipped, whatever they are', (t) => {
  const unknown = [
    [0xf8, 0x07, 0xff, 0xff, 0x03], // 127, a varint
    [0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8], // 127, 8 bytes
    [0xfa, 0x07, 2, 1, 2], // 127, a length and as many bytes
    [0xfd, 0x07, 1, 2, 3, 4], // 127, 4 bytes
    [0xfb, 0x07, 0x08, 1, 0xfc, 0x07], // 127, a group
  ];
  const bytes = Buffer.concat([...unknown.map((field) => Buffer.from(field)), encodeMessage(full)]);
  t.deepEqual(decodeMessage(bytes, 'message'), full);
});

test('unknown fields of arguments, a response and a request are skipped', (t) => {
  const unknown = [0xfa, 0x07, 3, 0x61, 0x3d, 0x62]; // 127, the text a=b
  for (const part of ['given', 'response', 'request'] as const) {
    const bytes = encodeMessage({ [part]: full[part] });
    // Its number and the length take three bytes.
    const inner = [...unknown, ...bytes.subarray(3)];
    const read = decodeMessage(Uint8Array.of(...bytes.subarray(0, 2), inner.length, ...inner), 'message');
    t.deepEqual(read[part], full[part]);
  }
});

test('the last of a field counts', (t) => {
  const bytes = Buffer.concat([
    encodeMessage({ user: 'one', input: { kind: 'redis', key: 'k' } }),
    encodeMessage({ user: 'two', input: { kind: 's3', bucket: 'b', key: 'k' } }),
  ]);
  t.deepEqual(decodeMessage(bytes, 'message'), {
    ...emptyMessage,
    user: 'two',
    input: { kind: 's3', bucket: 'b', key: 'k' },
  });
});

const refused = test.macro({
  title: (_, what: string) => `decodeMessage() refuses ${what}`,
  exec(t, _what: string, bytes: readonly number[], why: RegExp) {
    t.throws(() => decodeMessage(Uint8Array.from(bytes), 'message'), {
      instanceOf: FaasmError,
      code: 'bad_message',
      message: why,
    });
  },
});

test(refused, 'a length beyond the end', [0x0a, 9, 1], /^Not a message: index out of range/);
test(refused, 'a length of 4 GiB', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], /invalid length/);
test(refused, 'a varint without an end', [0x18, ...Array<number>(12).fill(0xff)], /invalid varint/);
test(refused, 'field 0', [0x02, 0], /no field 0/);
test(refused, 'a text that is a number', [0x08, 1], /wire type 0 where the schema has 2/);
test(refused, 'a number that is a text', [0x1a, 1, 65], /wire type 2 where the schema has 0/);
test(refused, 'a text that is not UTF-8', [0x0a, 2, 0xc3, 0x28], /^Not a message: ./);
test(refused, 'a type that does not exist', [0x18, 4], /no message type 4/);
test(refused, 'a time beyond 2^53', [0xa0, 0x01, ...Array<number>(9).fill(0xff), 1], /no time/);
test(refused, 'the end of a group that never began', [0x0c], /^Not a message: ./);
test(refused, 'groups inside groups without end', Array<number>(200).fill(0x7b), /^Not a message: ./);
test(refused, 'a broken error inside', [0xea, 0x01, 2, 0x0a, 9], /index out of range/);
test(
  refused,
  'more fields than anybody sends',
  Array.from({ length: messageMaxFields + 1 }, () => [0x30, 1]).flat(),
  /more than 256 fields/,
);

test('decodeMessage() refuses what is too large', (t) => {
  const tooLarge = { instanceOf: FaasmError, code: 'too_large' };
  t.throws(() => decodeMessage(new Uint8Array(callMaxBytes + 1), 'message'), tooLarge);
  const long = Buffer.concat([Buffer.of(0x0a, 0x81, 0x80, 0x04), Buffer.alloc(metadataMaxBytes + 1, 65)]);
  t.throws(() => decodeMessage(long, 'message'), { ...tooLarge, message: /A text in a message/ });
  const half = Buffer.concat([Buffer.of(0x0a, 0x80, 0x80, 0x02), Buffer.alloc(metadataMaxBytes / 2, 65)]);
  t.throws(() => decodeMessage(Buffer.concat([half, half]), 'message'), {
    ...tooLarge,
    message: /Beside its input and output/,
  });
  t.throws(() => encodeMessage({ inputData: new Uint8Array(callMaxBytes + 1) }), tooLarge);
});

test('a payload of the most that is allowed passes', (t) => {
  const inputData = new Uint8Array(callMaxBytes - metadataMaxBytes);
  inputData[inputData.length - 1] = 1;
  const decoded = decodeMessage(encodeMessage({ ...full, inputData }), 'message');
  t.is(Buffer.compare(decoded.inputData, inputData), 0);
});

test('no truncation of a message throws anything but bad_message', (t) => {
  const bytes = encodeMessage(full);
  let refusals = 0;
  for (let length = 0; length < bytes.length; length++) {
    if (!isDecodedOrRefused(bytes.subarray(0, length))) t.fail(`of ${length} bytes`);
    if (!isDecoded(bytes.subarray(0, length))) refusals++;
  }
  t.true(refusals > bytes.length / 2);
});

test('no damaged or random bytes throw anything but bad_message or too_large', (t) => {
  const bytes = encodeMessage(full);
  for (let seed = 1; seed <= 20_000; seed++) {
    const random = createRandom(seed);
    const damaged = seed % 2 === 0 ? damage(bytes, random) : randomBytes(random.below(80), random);
    if (!isDecodedOrRefused(damaged)) t.fail(`seed ${seed}`);
  }
  t.pass();
});

test('random messages come back as they were', (t) => {
  for (let seed = 1; seed <= 3000; seed++) {
    const message = randomMessage(createRandom(seed));
    t.deepEqual(decodeMessage(encodeMessage(message), 'message'), message, `seed ${seed}`);
  }
});

test('a text with half a character is sent with a replacement for it', (t) => {
  const { idempotencyKey } = decodeMessage(encodeMessage({ idempotencyKey: 'a\ud83d' }), 'message');
  t.is(idempotencyKey, 'a\ufffd');
});

function isDecoded(bytes: Uint8Array): boolean {
  try {
    decodeMessage(bytes, 'message');
    return true;
  } catch {
    return false;
  }
}

function isDecodedOrRefused(bytes: Uint8Array): boolean {
  try {
    decodeMessage(bytes, 'message');
    return true;
  } catch (thrown) {
    return thrown instanceof FaasmError && ['bad_message', 'too_large'].includes(thrown.code);
  }
}

function randomBytes(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function damage(bytes: Uint8Array, random: Random): Uint8Array {
  const damaged = bytes.slice();
  for (let left = 1 + random.below(3); left > 0; left--) {
    damaged[random.below(damaged.length)] = random.below(256);
  }
  return damaged;
}

function randomMessage(random: Random): Message {
  const word = () =>
    String.fromCodePoint(
      ...Array.from({ length: random.below(6) }, () =>
        random.pick([65, 0, 0xe9, 0x7ff, 0x800, 0xfeff, 0xffff, 0x1f600]),
      ),
    );
  const place = (): Message['input'] =>
    random.pick([
      { kind: 'inline' },
      { kind: 'redis', key: word() },
      { kind: 's3', bucket: word(), key: word() },
    ]);
  return {
    user: word(),
    function: word(),
    type: random.pick(['UNSET', 'BIND', 'CALL', 'KILL']),
    resultKey: word(),
    statusKey: word(),
    success: random.below(2) === 1,
    isAsync: random.below(2) === 1,
    inputData: randomBytes(random.below(300), random),
    outputData: randomBytes(random.below(3), random),
    id: word(),
    parentId: word(),
    rootId: word(),
    depth: random.pick([0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1]),
    deadlineMs: random.pick([0, 1, 2 ** 31, 2 ** 32, 1_795_000_000_000, Number.MAX_SAFE_INTEGER]),
    version: word(),
    traceparent: word(),
    idempotencyKey: word(),
    input: place(),
    output: place(),
    returnValue: random.pick([0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]),
    error: random.pick([undefined, { code: word(), message: word(), details: word() }]),
    given: random.pick([undefined, { args: ['', 'é'], env: { A: word().replaceAll('\0', ''), B: '' } }]),
    pointer: random.pick([0, 1, 2 ** 32 - 1]),
    request: undefined,
    response: random.pick([
      undefined,
      { status: 404, headers: [] },
      { status: 200, headers: [`A: ${word()}`, 'B: '] },
    ]),
    ranUs: random.pick([0, 1, 2 ** 32 - 1]),
    treeCalls: random.pick([0, 1, 2 ** 32 - 1]),
  };
}
