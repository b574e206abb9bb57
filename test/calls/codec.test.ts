import test from 'ava';
import type { Call, CallResult } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import { callCodec, callResultCodec } from '../../src/calls/codec.ts';
import { errorTextMaxLength } from '../../src/calls/limits.ts';
import { encodeMessage, type Message } from '../../src/calls/message.ts';
import { callIdOf } from '../call-ids.ts';

const id = callIdOf('demo', 'call-1');
const call: Call = {
  id,
  user: toUserName('demo'),
  function: toFunctionName('echo'),
  input: Uint8Array.of(1, 2, 3),
  rootId: id,
  depth: 0,
  deadlineMs: 1_795_000_000_000,
};
const chained: Call = {
  ...call,
  parentId: callIdOf('demo', 'call-0'),
  rootId: callIdOf('demo', 'call-r'),
  depth: 2,
  treeCalls: 17,
  version: 'ab'.repeat(32),
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  given: { args: ['-x', '', 'é'], env: { LANG: 'de=DE' } },
  pointer: 0,
};
const success: CallResult = { id, output: Uint8Array.of(9, 8), returnValue: 0 };
const failure: CallResult = {
  id,
  output: new Uint8Array(0),
  returnValue: -3,
  error: {
    code: 'guest_trapped',
    message: 'demo/echo trapped: unreachable',
    details: {
      component: 'worker-pool',
      returnValue: -3,
      trap: 'unreachable',
      backtrace: 'at f\nat g',
      stderr: 'Grüße "you"\u0000',
      droppedChains: 2,
      retryAfterMs: 10,
    },
  },
};
const wire: Partial<Message> = {
  user: 'demo',
  function: 'echo',
  type: 'CALL',
  id,
  deadlineMs: 1_795_000_000_000,
};

test('callCodec gives back a root call and a chained one', (t) => {
  t.deepEqual(callCodec.decode(callCodec.encode(call)), call);
  t.deepEqual(callCodec.decode(callCodec.encode(chained)), chained);
  t.is(callCodec.decode(callCodec.encode({ ...chained, pointer: 7 })).pointer, 7);
});

test('callCodec takes a call without a root as its own root', (t) => {
  t.deepEqual(callCodec.decode(encodeMessage({ ...wire, inputData: Uint8Array.of(1, 2, 3) })), call);
});

test('callCodec takes a later millisecond rather than a part of one', (t) => {
  t.is(callCodec.decode(callCodec.encode({ ...call, deadlineMs: 1000.2 })).deadlineMs, 1001);
});

test('callCodec leaves out a trace context that is not fit for a header', (t) => {
  for (const traceparent of ['a\r\nX: y', 'é', 'x'.repeat(257), 'a b']) {
    t.false('traceparent' in callCodec.decode(encodeMessage({ ...wire, traceparent })));
  }
});

const refused = test.macro({
  title: (_, what: string) => `callCodec refuses ${what}`,
  exec(t, _what: string, part: Partial<Message>, why: RegExp) {
    t.throws(() => callCodec.decode(encodeMessage({ ...wire, ...part })), {
      instanceOf: FaasmError,
      code: 'bad_message',
      message: why,
    });
  },
});

test(refused, 'no user', { user: '' }, /^Not a call: Bad user name ""/);
test(refused, 'a bad user', { user: '../etc' }, /Bad user name/);
test(refused, 'a bad function', { function: 'a.b' }, /Bad function name/);
test(refused, 'the id of another user', { id: callIdOf('eve', 'call') }, /Bad call id/);
test(refused, 'the root of another user', { rootId: callIdOf('eve', 'call') }, /Bad call id/);
test(refused, 'no id', { id: '' }, /Bad call id ""/);
test(refused, 'a bad parent', { parentId: 'a b' }, /Bad call id/);
test(refused, 'a bad root', { rootId: '>' }, /Bad call id/);
test(refused, 'what is no call', { type: 'KILL' }, /its type is KILL/);
test(refused, 'no deadline', { deadlineMs: 0 }, /no deadline/);
test(refused, 'a version that could be a path', { version: '../../x' }, /not a sha256/);
test(refused, 'an input that is elsewhere', { input: { kind: 'redis', key: 'k' } }, /elsewhere/);

test('callCodec refuses bytes that are no message', (t) => {
  t.throws(() => callCodec.decode(Buffer.from('hello')), { code: 'bad_message', message: /^Not a call: / });
  t.throws(() => callCodec.decode(new Uint8Array(0)), { code: 'bad_message' });
});

test('callResultCodec gives back a success and a failure', (t) => {
  t.deepEqual(callResultCodec.decode(callResultCodec.encode(success)), success);
  t.deepEqual(callResultCodec.decode(callResultCodec.encode(failure)), failure);
});

test('callResultCodec keeps the head of a response', (t) => {
  const result = { ...success, response: { status: 404, headers: ['A: b', 'A: \xfc'] } };
  t.deepEqual(callResultCodec.decode(callResultCodec.encode(result)), result);
});

test('callResultCodec keeps how long a call computed, in whole microseconds', (t) => {
  const ran = (ranUs: number) => callResultCodec.decode(callResultCodec.encode({ ...success, ranUs })).ranUs;
  t.deepEqual([0, 0.7, 20_000, 2 ** 40].map(ran), [undefined, 1, 20_000, 2 ** 32 - 1]);
});

test('callResultCodec takes a return value as an i32', (t) => {
  const returned = (returnValue: number) =>
    callResultCodec.decode(callResultCodec.encode({ ...success, returnValue })).returnValue;
  t.deepEqual([0, 255, -1, 2 ** 31 - 1, 2 ** 32 - 1].map(returned), [0, 255, -1, 2 ** 31 - 1, -1]);
});

test('callResultCodec refuses a success with an error, and a failure without one', (t) => {
  const error = { code: 'internal', message: 'x', details: '' };
  t.throws(() => callResultCodec.decode(encodeMessage({ id, success: true, error })), {
    code: 'bad_message',
  });
  t.throws(() => callResultCodec.decode(encodeMessage({ id })), { code: 'bad_message' });
});

test('callResultCodec takes an unknown code as internal, and of the details only what it knows', (t) => {
  const details = JSON.stringify({ trap: 5, stderr: 'x', droppedChains: 'many', __proto__: 1, more: {} });
  const decode = (text: string) =>
    callResultCodec.decode(encodeMessage({ id, error: { code: 'of_tomorrow', message: 'm', details: text } }))
      .error;
  t.deepEqual(decode(details), { code: 'internal', message: 'm', details: { stderr: 'x' } });
  for (const broken of ['', '{', 'null', '7', '[]']) t.deepEqual(decode(broken)?.details, {});
});

test('callResultCodec sends an error whatever its texts amount to', (t) => {
  const long = '\u0000😀'.repeat(100_000);
  const decoded = callResultCodec.decode(
    callResultCodec.encode({
      ...failure,
      error: {
        code: 'guest_trapped',
        message: `first ${long}`,
        details: { returnValue: 1, trap: long, backtrace: long, stderr: `${long} last` },
      },
    }),
  ).error;
  t.is(decoded?.message.length, errorTextMaxLength);
  t.true(decoded?.message.startsWith('first '));
  t.is(decoded?.details.returnValue, 1);
  const stderr = callResultCodec.decode(
    callResultCodec.encode({
      ...failure,
      error: { code: 'internal', message: 'm', details: { stderr: `${'é'.repeat(9000)} last` } },
    }),
  ).error?.details.stderr;
  t.is(stderr?.length, errorTextMaxLength);
  t.true(stderr?.endsWith('é last'));
});

test('callCodec refuses arguments that are none', (t) => {
  const tooMany = { args: new Array<string>(257).fill(''), env: {} };
  const bytes = encodeMessage({ ...wire, given: tooMany });
  t.throws(() => callCodec.decode(bytes), { code: 'bad_message', message: /256 arguments/ });
  const unnamed = encodeMessage({ ...wire, given: { args: [], env: { '': 'x' } } });
  t.throws(() => callCodec.decode(unnamed), { code: 'bad_message', message: /NAME=value/ });
});
