import test from 'ava';
import { resourceHeaders as names } from '../../proto/headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { type BusMessage, type Headers, header, toBytes } from '../../src/bus/port.ts';
import {
  type Condition,
  readCondition,
  readOffset,
  readPart,
  readSize,
  readUpload,
  readVersion,
  respondPart,
  toConditionHeaders,
  toPartHeaders,
  toVersionHeaders,
  unmetCondition,
} from '../../src/bus/resource-headers.ts';
import { nodePowers } from '../../src/power/node.ts';

const messageOf = (headers: Headers): BusMessage => ({ headers }) as BusMessage;

const meets = test.macro({
  title: (_, condition: Condition, version: string | undefined, why) =>
    `unmetCondition() of ${JSON.stringify(condition)} and ${version ?? 'nothing'}: ${why ?? 'none'}`,
  exec(t, condition: Condition, version: string | undefined, why: RegExp | undefined) {
    const unmet = unmetCondition(condition, version);
    if (why === undefined) t.is(unmet, undefined);
    else t.regex(unmet ?? 'none', why);
  },
});
test(meets, {}, undefined, undefined);
test(meets, {}, '1', undefined);
test(meets, { ifAbsent: true }, undefined, undefined);
test(meets, { ifAbsent: true }, '1', /exists already/);
test(meets, { ifMatch: '1' }, '1', undefined);
test(meets, { ifMatch: '1' }, '2', /version is 2/);
test(meets, { ifMatch: '1' }, undefined, /does not exist/);
test(meets, { ifMatch: '*' }, '1', undefined);
test(meets, { ifMatch: '*' }, undefined, /does not exist/);

test('readCondition() reads what toConditionHeaders() wrote, and nothing else', (t) => {
  for (const condition of [
    {},
    { ifMatch: '7' },
    { ifAbsent: true },
    { ifMatch: '*', ifAbsent: true },
  ] as const) {
    t.deepEqual(readCondition(messageOf(toConditionHeaders(condition))), condition);
  }
  t.throws(() => readCondition(messageOf({ [names.ifNoneMatch]: ['7'] })), { code: 'bad_request' });
});

test('readPart() reads a part, all where none is asked for, and of too much a byte more than fits', (t) => {
  const bus = createMemoryBus({ powers: nodePowers, maxPayloadBytes: 10_000 });
  t.deepEqual(readPart(messageOf(toPartHeaders({ offset: 3, length: 4 })), bus), { offset: 3, length: 4 });
  const all = readPart(messageOf({}), bus);
  t.is(all.offset, 0);
  t.true(all.length > 1 && all.length <= 10_000);
  t.deepEqual(readPart(messageOf(toPartHeaders({ offset: 0, length: 10_000 })), bus), all);
  for (const wrong of ['-1', 'x', '1.5', '', `${2 ** 53}`]) {
    t.throws(() => readOffset(messageOf({ [names.offset]: [wrong] })), { code: 'bad_request' }, wrong);
  }
});

test('respondPart() answers a part with the version and size of the whole, and no more than fits', async (t) => {
  const bus = createMemoryBus({ powers: nodePowers, maxPayloadBytes: 10_000 });
  const fitting = readPart(messageOf({}), bus).length - 1;
  bus.subscribe('get', (message) => {
    const { length } = readPart(message, bus);
    const bytes = new Uint8Array(Math.min(length, 20_000)).fill(1);
    try {
      respondPart(bus, message, { what: 'It', bytes, sizeBytes: 20_000, version: 7 }, { more: ['x'] });
    } catch (thrown) {
      bus.publish(message.reply!, Buffer.from((thrown as { code: string }).code));
    }
  });
  const get = (offset: number, length: number) =>
    bus.request('get', new Uint8Array(0), { headers: toPartHeaders({ offset, length }) });
  const text = async (offset: number, length: number) =>
    Buffer.from(toBytes((await get(offset, length)).body)).toString();
  const answer = await get(20_000, 5);
  t.is(toBytes(answer.body).length, 5);
  t.is(readVersion(answer), '7');
  t.is(readSize(answer), 20_000);
  t.is(header(answer, 'more'), 'x');
  t.is((await text(0, fitting)).length, fitting);
  t.is(await text(20_001, 5), 'range_not_satisfiable');
  t.is(await text(0, fitting + 1), 'too_large');
});

test('toVersionHeaders() tells what is known', (t) => {
  t.deepEqual(toVersionHeaders({}), {});
  t.deepEqual(toVersionHeaders({ version: 'a' }), { [names.version]: ['a'] });
  t.deepEqual(toVersionHeaders({ version: 0, sizeBytes: 0 }), {
    [names.version]: ['0'],
    [names.size]: ['0'],
  });
});

test('readUpload() reads the parts of an upload, and the size on the last', (t) => {
  const read = (headers: Headers) => readUpload(messageOf(headers));
  t.is(read({}), undefined);
  t.deepEqual(read({ [names.uploadId]: ['a-Z_9'] }), { id: 'a-Z_9', commitBytes: undefined });
  const last = { [names.uploadId]: ['u'], [names.uploadCommit]: ['0'] };
  t.deepEqual(read(last), { id: 'u', commitBytes: 0 });
  t.throws(() => read({ [names.uploadCommit]: ['1'] }), { code: 'bad_request' });
  for (const id of ['', 'a b', 'x'.repeat(65)]) {
    t.throws(() => read({ [names.uploadId]: [id] }), { code: 'bad_request' }, id);
  }
  t.is(read({ [names.uploadId]: ['x'.repeat(64)] })?.id.length, 64);
});
