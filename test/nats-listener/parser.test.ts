import test from 'ava';
import type { Operation } from '../../src/nats-listener/operation.ts';
import { Parser } from '../../src/nats-listener/parser.ts';
import { createRandom, type Random } from '../random.ts';

const limits = { controlLineMaxBytes: 200, payloadMaxBytes: 100 };

/** Operations with their bytes as text, so that they can be compared. */
function parse(chunks: Iterable<Uint8Array>): string[] {
  const taken: Operation[] = [];
  const parser = new Parser(limits, (operation) => void taken.push(operation));
  for (const chunk of chunks) parser.push(chunk);
  return taken.map((operation) =>
    JSON.stringify(operation, (_, value) =>
      value instanceof Uint8Array || value?.type === 'Buffer'
        ? Buffer.from(value.type === 'Buffer' ? value.data : value).toString('latin1')
        : value,
    ),
  );
}

function* cut(bytes: Uint8Array, random: Random): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const size = random.below(4) === 0 ? 1 : random.below(40);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

function randomOperation(random: Random): string {
  const end = random.pick(['\r\n', '\n']);
  const space = random.pick([' ', '  ', '\t']);
  const subject = random.pick(['a', 'a.b', 'foo.bar.baz', 'ü']);
  const reply = random.pick(['', `${space}r.1`]);
  const body = Array.from({ length: random.below(30) }, () => String.fromCharCode(random.below(256))).join(
    '',
  );
  const block = random.pick(['NATS/1.0\r\n\r\n', 'NATS/1.0\r\nA: 1\r\n\r\n', '']);
  switch (random.below(8)) {
    case 0:
      return `${random.pick(['PING', 'ping', 'PING x'])}${end}`;
    case 1:
      return `PONG${end}`;
    case 2:
      return `SUB${space}${subject}${space}${random.below(100)}${end}`;
    case 3:
      return `SUB ${subject} q ${random.below(100)}${end}`;
    case 4:
      return `UNSUB ${random.below(100)}${random.pick(['', ' 5'])}${end}`;
    case 5:
      return `CONNECT {"verbose":false}${end}`;
    case 6:
      return `PUB ${subject}${reply} ${body.length}${end}${body}\r\n`;
    default:
      return `HPUB ${subject}${reply} ${block.length} ${block.length + body.length}${end}${block}${body}\r\n`;
  }
}

test('Parser gives the same operations however the bytes are cut', (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = createRandom(seed);
    const count = 1 + random.below(20);
    const bytes = Buffer.from(
      Array.from({ length: count }, () => randomOperation(random)).join(''),
      'latin1',
    );
    const whole = parse([bytes]);
    if (whole.length !== count || whole.some((operation) => operation.includes('violation'))) {
      t.fail(`seed ${seed}: ${count} operations were read as ${whole.join()}`);
    }
    const pieces = parse(cut(bytes, random));
    if (pieces.join('\n') !== whole.join('\n')) t.deepEqual(pieces, whole, `seed ${seed}`);
  }
  t.pass();
});

test('Parser ends with one violation, or none, on bytes of any kind, however they are cut', (t) => {
  const words = [
    'PUB ',
    'HPUB ',
    'SUB ',
    'UNSUB ',
    'PING',
    'CONNECT ',
    '\r\n',
    '\n',
    ' ',
    'a',
    '1',
    '12',
    '-',
    '{}',
    '\0',
    '\xff',
  ];
  let violations = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const random = createRandom(seed);
    const byte = () => String.fromCharCode(random.below(256));
    const piece = () => (random.below(10) === 0 ? byte() : random.pick(words));
    const start = random.pick(['', randomOperation(random)]);
    const bytes = Buffer.from(start + Array.from({ length: random.below(60) }, piece).join(''), 'latin1');
    const whole = parse([bytes]);
    const pieces = parse(cut(bytes, random));
    if (pieces.join('\n') !== whole.join('\n')) t.deepEqual(pieces, whole, `seed ${seed}`);
    const at = whole.findIndex((operation) => operation.startsWith('{"op":"violation"'));
    if (at !== -1) violations++;
    if (at !== -1 && at !== whole.length - 1) t.fail(`seed ${seed}: something came after the violation`);
  }
  t.true(violations > 1000, `${violations} of 3000 were refused`);
});

test('Parser keeps a line that is not complete only up to its limit', (t) => {
  const taken: Operation[] = [];
  const parser = new Parser(limits, (operation) => void taken.push(operation));
  parser.push(Buffer.from('SUB '));
  for (let at = 0; at < limits.controlLineMaxBytes; at++) parser.push(Buffer.from('a'));
  t.deepEqual(taken, []);
  parser.push(Buffer.from('aa'));
  t.deepEqual(taken, [{ op: 'violation', text: 'maximum control line exceeded' }]);
  parser.push(Buffer.from('\r\nPING\r\n'));
  t.is(taken.length, 1);
});

test('Parser lets a client that has yet to say who it is only connect', (t) => {
  const taken: Operation[] = [];
  const parser = new Parser(limits, (operation) => void taken.push(operation), true);
  parser.push(Buffer.from('CONNECT {}\r\n'));
  t.is(taken[0]!.op, 'connect');
  parser.connectFirst = false;
  parser.push(Buffer.from('PING\r\n'));
  t.is(taken[1]!.op, 'ping');
  parser.connectFirst = true;
  parser.push(Buffer.from('P'));
  t.deepEqual(taken[2], { op: 'violation', text: 'Authorization Violation' });
});

const violates = (bytes: string): string | undefined => {
  const [first] = parse([Buffer.from(bytes)]).map((operation) => JSON.parse(operation));
  return first?.op === 'violation' ? first.text : undefined;
};
const options = (length: number): string => `{"name":"${'x'.repeat(length - 11)}"}`;
const { controlLineMaxBytes, payloadMaxBytes } = limits;
const lineLimit = 'maximum control line exceeded';
const payloadLimit = 'Maximum Payload Violation';
const limit = test.macro({
  title: (_, what: string, _bytes: string, expected) => `Parser ${expected ? 'refuses' : 'takes'} ${what}`,
  exec(t, _what: string, bytes: string, expected: string | undefined) {
    t.is(violates(bytes), expected);
  },
});

test(limit, 'a CONNECT of just the limit', `CONNECT ${options(controlLineMaxBytes)}\r\n`, undefined);
test(
  limit,
  'a CONNECT of just the limit that ends in \\n',
  `CONNECT ${options(controlLineMaxBytes)}\n`,
  undefined,
);
test(limit, 'a CONNECT of a byte more', `CONNECT ${options(controlLineMaxBytes + 1)}\r\n`, lineLimit);
test(
  limit,
  'a CONNECT of a byte more that ends in \\n',
  `CONNECT ${options(controlLineMaxBytes + 1)}\n`,
  lineLimit,
);
test(
  limit,
  'a payload of just the limit',
  `PUB a ${payloadMaxBytes}\r\n${'x'.repeat(payloadMaxBytes)}\r\n`,
  undefined,
);
test(limit, 'a payload of a byte more', `PUB a ${payloadMaxBytes + 1}\r\n`, payloadLimit);
test(limit, 'headers and a body of just the limit', `HPUB a 12 ${payloadMaxBytes}\r\n`, undefined);
test(limit, 'headers and a body of a byte more', `HPUB a 12 ${payloadMaxBytes + 1}\r\n`, payloadLimit);

test('Parser holds a CONNECT of just the limit that comes byte by byte, and not one of a byte more', (t) => {
  const bytewise = (text: string) => parse([...Buffer.from(text)].map((byte) => Buffer.of(byte)));
  const whole = `CONNECT ${options(controlLineMaxBytes)}\r\n`;
  t.deepEqual(bytewise(whole), parse([Buffer.from(whole)]));
  t.regex(bytewise(`CONNECT ${options(controlLineMaxBytes + 2)}`)[0] ?? '', /control line exceeded/);
});

const reads = test.macro({
  title: (_, text: string) => `Parser reads ${JSON.stringify(text)}`,
  exec(t, text: string, expected: object) {
    t.deepEqual(
      parse([Buffer.from(text)]).map((operation) => JSON.parse(operation)),
      [expected],
    );
  },
});
test(reads, 'PUB a 1\r\nx\r\n', { op: 'pub', subject: 'a', body: 'x' });
test(reads, 'PUB a r 0\r\n\r\n', { op: 'pub', subject: 'a', reply: 'r', body: '' });
test(reads, 'HPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n', {
  op: 'pub',
  subject: 'a',
  headers: 'NATS/1.0\r\n\r\n',
  body: 'x',
});
test(reads, 'HPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n', {
  op: 'pub',
  subject: 'a',
  reply: 'r',
  headers: 'NATS/1.0\r\n\r\n',
  body: '',
});
test(reads, 'HPUB a 0 1\r\nx\r\n', { op: 'pub', subject: 'a', body: 'x' });
test(reads, 'SUB a 1\r\n', { op: 'sub', subject: 'a', sid: '1' });
test(reads, 'SUB a q 1\r\n', { op: 'sub', subject: 'a', queue: 'q', sid: '1' });
test(reads, 'UNSUB 1\r\n', { op: 'unsub', sid: '1', max: 0 });
test(reads, 'UNSUB 1 5\r\n', { op: 'unsub', sid: '1', max: 5 });
test(reads, 'UNSUB 1 x\r\n', { op: 'unsub', sid: '1', max: 0 });
test(reads, 'CONNECT{}\r\n', { op: 'connect', json: '{}' });
test(reads, 'ping\r\n', { op: 'ping' });
test(reads, 'INFO {}\r\nPONG\r\n', { op: 'pong' });
for (const bad of [
  'PUB a',
  'PUB a r s 1',
  'PUB a x',
  'PUB a 1234567890',
  'HPUB a 1',
  'HPUB a r s 1 2',
  'HPUB a 2 1',
  'HPUB a x 1',
  'HPUB a 1 x',
  'SUB a',
  'SUB a q r 1',
  'UNSUB ',
  'UNSUB 1 2 3',
  '-ERR x',
]) {
  test(reads, `${bad}\r\n`, { op: 'violation' });
}
for (const unknown of ['X', 'PUBX', 'PIX', 'PUB a 1\r\nxy', 'PUB a 1\r\nx\rz']) {
  test(reads, unknown, { op: 'violation', text: 'Unknown Protocol Operation' });
}

test('Parser gives back what is left of a chunk when it is paused, and goes on with that', (t) => {
  const taken: string[] = [];
  const parser = new Parser(limits, ({ op }) => {
    taken.push(op);
    if (op === 'ping') parser.pause();
  });
  const left = parser.push(Buffer.from('PONG\r\nPING\r\nPONG\r\nPING\r\n'));
  t.deepEqual(taken, ['pong', 'ping']);
  t.is(Buffer.from(left!).toString(), 'PONG\r\nPING\r\n');
  t.is(parser.push(left!)?.length, 0);
  t.deepEqual(taken, ['pong', 'ping', 'pong', 'ping']);
  t.is(parser.push(Buffer.from('PONG\r\n')), undefined);
});

test('Parser says how many bytes it keeps of what is not complete', (t) => {
  const parser = new Parser(limits, () => {});
  t.is(parser.heldBytes, 0);
  parser.push(Buffer.from('PUB a 5'));
  t.is(parser.heldBytes, 3);
  parser.push(Buffer.from('\r\nxy'));
  t.is(parser.heldBytes, 2);
  parser.push(Buffer.from('zzz\r\n'));
  t.is(parser.heldBytes, 0);
});
