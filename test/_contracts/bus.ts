/** What every bus has to do, alone and between processes. */
import type { ExecutionContext, TestFn } from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { fromErrorHeaders } from '../../src/bus/error-headers.ts';
import {
  type Bus,
  type BusMessage,
  Encodable,
  emptyBody,
  isNoResponders,
  respond,
  toBytes,
} from '../../src/bus/port.ts';

export interface BusUnderTest {
  /** Where the test publishes and asks. */
  readonly bus: Bus;
  /** Where it subscribes: the same bus, or another one that hears the first. */
  readonly other: Bus;
  /** What handlers threw on the other bus. */
  readonly errors: unknown[];
  close(): Promise<void>;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const read = (message: BusMessage): string => new TextDecoder().decode(toBytes(message.body));

/** @param open two fresh buses, or one twice, on which nobody has subscribed */
export function busContract(
  test: TestFn,
  name: string,
  between: 'one bus' | 'two buses',
  open: () => Promise<BusUnderTest>,
): void {
  const check = (title: string, run: (t: ExecutionContext, given: BusUnderTest) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => {
      const given = await open();
      try {
        await run(t, given);
      } finally {
        await given.close();
      }
    });

  /** Until all that was subscribed is known everywhere, and all that was published has arrived. */
  const settle = async ({ bus, other }: BusUnderTest): Promise<void> => {
    await other.flush();
    await bus.flush();
    const seen = Promise.withResolvers<void>();
    const mark = `settle.${Math.random().toString(36).slice(2)}`;
    const subscription = other.subscribe(mark, () => seen.resolve());
    await other.flush();
    bus.publish(mark, emptyBody);
    await seen.promise;
    subscription.unsubscribe();
  };

  const collect = (bus: Bus, subject: string, queue?: string) => {
    const heard: BusMessage[] = [];
    const subscription = bus.subscribe(
      subject,
      (message) => void heard.push(message),
      queue === undefined ? {} : { queue },
    );
    return { heard, subscription };
  };

  check('publish() keeps the order of one publisher', async (t, given) => {
    const { heard } = collect(given.other, 'order');
    await settle(given);
    for (let at = 0; at < 500; at++) given.bus.publish('order', text(String(at)));
    await settle(given);
    t.deepEqual(
      heard.map(read),
      Array.from({ length: 500 }, (_, at) => String(at)),
    );
  });

  check('publish() reaches subscriptions with wildcards', async (t, given) => {
    const patterns = ['a.b.c', 'a.*.c', '*.b.*', 'a.>', '>', 'a.b', 'a.b.*.d', 'a*.b.c', 'b.>', 'a.b.c.>'];
    const collected = patterns.map((pattern) => collect(given.other, pattern));
    await settle(given);
    given.bus.publish('a.b.c', text('x'));
    await settle(given);
    const hits = patterns.filter((_, at) => collected[at]!.heard.some(({ subject }) => subject === 'a.b.c'));
    t.deepEqual(hits, ['a.b.c', 'a.*.c', '*.b.*', 'a.>', '>']);
  });

  check('publish() gives a message to one member of each queue group', async (t, given) => {
    const members = [1, 2, 3].map(() => collect(given.other, 'work.*', 'workers'));
    const single = collect(given.other, 'work.1', 'auditors');
    const plain = collect(given.other, 'work.>');
    await settle(given);
    for (let at = 0; at < 300; at++) given.bus.publish('work.1', text(String(at)));
    await settle(given);
    t.is(
      members.reduce((sum, { heard }) => sum + heard.length, 0),
      300,
    );
    for (const { heard } of members) t.true(heard.length > 30, `a member got ${heard.length} of 300`);
    t.is(single.heard.length, 300);
    t.is(plain.heard.length, 300);
  });

  check('publish() counts members with different patterns as one queue group', async (t, given) => {
    const exact = collect(given.other, 'mixed.a', 'workers');
    const wild = collect(given.other, 'mixed.*', 'workers');
    await settle(given);
    for (let at = 0; at < 40; at++) given.bus.publish('mixed.a', emptyBody);
    await settle(given);
    t.is(exact.heard.length + wild.heard.length, 40);
  });

  check('publish() keeps headers, all values of each', async (t, given) => {
    const { heard } = collect(given.other, 'headers');
    await settle(given);
    const headers = { One: ['1'], Many: ['a', 'b', 'a'], lower: ['ümlaut: and, more'], Empty: [''] };
    given.bus.publish('headers', text('x'), { headers });
    given.bus.publish('headers', text('y'));
    await settle(given);
    t.deepEqual({ ...heard[0]!.headers }, headers);
    t.is(heard[1]!.headers, undefined);
  });

  check('publish() carries bytes of any kind', async (t, given) => {
    const { heard } = collect(given.other, 'binary');
    await settle(given);
    const all = Uint8Array.from({ length: 4096 }, (_, at) => (at * 7) & 0xff);
    given.bus.publish('binary', all);
    given.bus.publish('binary', emptyBody);
    given.bus.publish('binary', text('\r\nPUB evil 1\r\nx\r\n'));
    await settle(given);
    t.deepEqual(
      heard.map(({ body }) => Buffer.from(toBytes(body)).toString('hex')),
      [Buffer.from(all).toString('hex'), '', Buffer.from('\r\nPUB evil 1\r\nx\r\n').toString('hex')],
    );
  });

  check('publish() carries a value that can become bytes', async (t, given) => {
    const { heard } = collect(given.other, 'value');
    await settle(given);
    const codec = { name: 'number', encode: (value: number) => Uint8Array.of(value), decode: () => 0 };
    given.bus.publish('value', new Encodable(7, codec));
    await settle(given);
    t.deepEqual([...toBytes(heard[0]!.body)], [7]);
  });

  check('publish() refuses a bad subject and a bad reply subject', async (t, { bus }) => {
    for (const subject of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a\tb', 'a\r\nb', '*', 'a.*', '>', 'a.>']) {
      t.is(
        t.throws(() => bus.publish(subject, emptyBody), { instanceOf: FaasmError })?.code,
        'bad_request',
        subject,
      );
      const reply = t.throws(() => bus.publish('a', emptyBody, { reply: subject }), {
        instanceOf: FaasmError,
      });
      t.is(reply?.code, 'bad_request', `reply ${subject}`);
    }
  });

  check('subscribe() refuses a bad subject and a bad queue', async (t, { bus }) => {
    for (const subject of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a.>.b', '>.a']) {
      const thrown = t.throws(() => bus.subscribe(subject, () => {}), { instanceOf: FaasmError });
      t.is(thrown?.code, 'bad_request', subject);
    }
    for (const queue of ['', 'a b', 'a\r\nb']) {
      const thrown = t.throws(() => bus.subscribe('a', () => {}, { queue }), { instanceOf: FaasmError });
      t.is(thrown?.code, 'bad_request', queue);
    }
  });

  check('publish() takes the largest payload and refuses a larger one', async (t, given) => {
    const { heard } = collect(given.other, 'large');
    await settle(given);
    const { bus } = given;
    bus.publish('large', new Uint8Array(bus.maxPayloadBytes));
    const one = new Uint8Array(bus.maxPayloadBytes + 1);
    t.is(t.throws(() => bus.publish('large', one), { instanceOf: FaasmError })?.code, 'too_large');
    t.is((await t.throwsAsync(bus.request('large', one), { instanceOf: FaasmError }))?.code, 'too_large');
    const headers = { Big: ['x'.repeat(bus.maxPayloadBytes)] };
    t.is(
      t.throws(() => bus.publish('large', emptyBody, { headers }), { instanceOf: FaasmError })?.code,
      'too_large',
    );
    await settle(given);
    t.deepEqual(
      heard.map(({ body }) => toBytes(body).length),
      [bus.maxPayloadBytes],
    );
  });

  check('request() gives the answer with its headers', async (t, given) => {
    const { bus, other } = given;
    other.subscribe('greet.*', (message) => {
      respond(other, message, text(`hello ${read(message)}`), { From: [message.subject] });
    });
    await settle(given);
    const answer = await bus.request('greet.en', text('ann'), { headers: { Asked: ['1'] } });
    t.is(read(answer), 'hello ann');
    t.deepEqual({ ...answer.headers }, { From: ['greet.en'] });
  });

  check('request() keeps many requests apart', async (t, given) => {
    const { bus, other } = given;
    other.subscribe(
      'late',
      async (message) => {
        await new Promise((resolve) => setTimeout(resolve, Number(read(message)) % 7));
        respond(other, message, message.body);
      },
      { queue: 'q' },
    );
    await settle(given);
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => read(await bus.request('late', text(String(at))))),
    );
    t.deepEqual(
      answers,
      Array.from({ length: 200 }, (_, at) => String(at)),
    );
  });

  check('request() gives the first of several answers', async (t, given) => {
    const { bus, other } = given;
    other.subscribe('twice', (message) => {
      respond(other, message, text('first'));
      respond(other, message, text('second'));
    });
    await settle(given);
    t.is(read(await bus.request('twice', emptyBody)), 'first');
    t.is(read(await bus.request('twice', emptyBody)), 'first');
  });

  check('request() fails at once where nobody subscribes', async (t, { bus }) => {
    const error = await t.throwsAsync(bus.request('nobody', emptyBody, { timeoutMs: 0 }), {
      instanceOf: FaasmError,
    });
    t.is(error?.code, 'no_responders');
    t.regex(error!.message, /nobody/);
  });

  check('request() fails with a bad subject', async (t, { bus }) => {
    const error = await t.throwsAsync(bus.request('a..b', emptyBody), { instanceOf: FaasmError });
    t.is(error?.code, 'bad_request');
  });

  check('request() fails at its deadline', async (t, given) => {
    const { heard } = collect(given.other, 'silent');
    await settle(given);
    const error = await t.throwsAsync(given.bus.request('silent', emptyBody, { timeoutMs: 40 }), {
      instanceOf: FaasmError,
    });
    t.is(error?.code, 'deadline_exceeded');
    t.is(heard.length, 1);
    t.notThrows(() => respond(given.other, heard[0]!, text('too late')));
  });

  check('request() without a deadline outlives others', async (t, given) => {
    const { bus, other } = given;
    const { heard } = collect(other, 'patient');
    await settle(given);
    const patient = bus.request('patient', emptyBody, { timeoutMs: 0 });
    await t.throwsAsync(bus.request('patient', emptyBody, { timeoutMs: 30 }), { instanceOf: FaasmError });
    respond(other, heard[0]!, text('at last'));
    t.is(read(await patient), 'at last');
  });

  check('publish() with a reply subject gets its answer there', async (t, given) => {
    const { bus, other } = given;
    const { heard } = collect(bus, 'mine.*');
    other.subscribe('ask', (message) => respond(other, message, text(`to ${message.reply}`)));
    await settle(given);
    bus.publish('ask', emptyBody, { reply: 'mine.1' });
    while (heard.length === 0) await settle(given);
    t.deepEqual(
      heard.map((message) => [message.subject, read(message)]),
      [['mine.1', 'to mine.1']],
    );
  });

  check('publish() with a reply subject that nobody hears is answered with 503 there', async (t, given) => {
    const { bus } = given;
    const answered = Promise.withResolvers<BusMessage>();
    bus.subscribe('_INBOX.mine.*', (message) => answered.resolve(message));
    await settle(given);
    bus.publish('nobody', text('x'), { reply: '_INBOX.mine.1' });
    const message = await answered.promise;
    t.true(isNoResponders(message));
    t.is(message.subject, '_INBOX.mine.1');
  });

  check('unsubscribe() ends deliveries', async (t, given) => {
    const first = collect(given.other, 'some');
    const second = collect(given.other, 'some');
    await settle(given);
    given.bus.publish('some', text('1'));
    await settle(given);
    first.subscription.unsubscribe();
    first.subscription.unsubscribe();
    await settle(given);
    given.bus.publish('some', text('2'));
    await settle(given);
    t.deepEqual(first.heard.map(read), ['1']);
    t.deepEqual(second.heard.map(read), ['1', '2']);
    second.subscription.unsubscribe();
    await settle(given);
    const error = await t.throwsAsync(given.bus.request('some', emptyBody), { instanceOf: FaasmError });
    t.is(error?.code, 'no_responders');
  });

  check('unsubscribe() inside a handler ends deliveries with that message', async (t, given) => {
    const heard: string[] = [];
    const subscription = given.other.subscribe('once', (message) => {
      heard.push(read(message));
      subscription.unsubscribe();
    });
    const witness = collect(given.other, 'once');
    await settle(given);
    for (const word of ['1', '2', '3']) given.bus.publish('once', text(word));
    await settle(given);
    t.deepEqual(heard, ['1']);
    t.is(witness.heard.length, 3);
  });

  check('subscribe() inside a handler begins with the next message', async (t, given) => {
    const inner: string[] = [];
    let made = false;
    given.other.subscribe('grow', () => {
      if (made) return;
      made = true;
      given.other.subscribe('grow', (message) => void inner.push(read(message)));
    });
    await settle(given);
    given.bus.publish('grow', text('1'));
    await settle(given);
    given.bus.publish('grow', text('2'));
    await settle(given);
    t.deepEqual(inner, ['2']);
  });

  check('a handler that throws or rejects is reported and harms nobody', async (t, given) => {
    given.other.subscribe('bad', () => {
      throw new Error('thrown');
    });
    given.other.subscribe('bad', async () => {
      throw new Error('rejected');
    });
    const { heard } = collect(given.other, 'bad');
    await settle(given);
    given.bus.publish('bad', text('1'));
    given.bus.publish('bad', text('2'));
    await settle(given);
    t.is(heard.length, 2);
    t.deepEqual(given.errors.map((error) => (error as Error).message).sort(), [
      'rejected',
      'rejected',
      'thrown',
      'thrown',
    ]);
  });

  check('tell() never throws, and counts what it drops', async (t, given) => {
    const { heard } = collect(given.other, 'news');
    await settle(given);
    given.bus.tell('news', text('1'));
    await settle(given);
    t.deepEqual(heard.map(read), ['1']);
    const { bus } = given;
    bus.tell('news.too.large', new Uint8Array(80 * 1024 * 1024));
    bus.tell('', emptyBody);
    await bus.close();
    bus.tell('news.late', emptyBody, { fleeting: true });
    const codes = bus.drops.list().map(({ code }) => code);
    t.true(codes.includes('too_large') && codes.includes('bad_request') && codes.includes('draining'));
  });

  check('respond() says that an answer is too large, and throws nothing', async (t, given) => {
    given.other.subscribe('large', (message) =>
      respond(given.other, message, new Uint8Array(80 * 1024 * 1024)),
    );
    await settle(given);
    const answer = await given.bus.request('large', emptyBody);
    t.is(fromErrorHeaders(answer)?.code, 'too_large');
    await given.other.close();
    t.notThrows(() => respond(given.other, { ...answer, reply: 'somewhere' }, emptyBody));
  });

  check('close() fails the requests that wait', async (t, given) => {
    collect(given.other, 'silent');
    await settle(given);
    const waiting = given.bus.request('silent', emptyBody, { timeoutMs: 0 });
    const outcome = t.throwsAsync(waiting, { instanceOf: FaasmError });
    await given.bus.close();
    t.is((await outcome)?.code, 'draining');
    t.is(
      t.throws(() => given.bus.publish('silent', emptyBody), { instanceOf: FaasmError })?.code,
      'draining',
    );
    t.is(
      t.throws(() => given.bus.subscribe('silent', () => {}), { instanceOf: FaasmError })?.code,
      'draining',
    );
    const late = await t.throwsAsync(given.bus.request('silent', emptyBody), { instanceOf: FaasmError });
    t.is(late?.code, 'draining');
    await t.notThrowsAsync(given.bus.close());
  });

  if (between !== 'two buses') return;
  check('close() sends what was published before', async (t, given) => {
    const { heard } = collect(given.other, 'last');
    await settle(given);
    given.bus.publish('last', text('words'));
    await given.bus.close();
    await given.other.flush();
    t.deepEqual(heard.map(read), ['words']);
  });
}
