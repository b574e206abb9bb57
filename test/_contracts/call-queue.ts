/** What every adapter of the queue of asynchronous calls has to do. */
import type { ExecutionContext, TestFn } from 'ava';
import type { CallError } from '../../proto/call.ts';
import { type CallId, toFunctionName, toUserName } from '../../proto/names.ts';
import type { CallQueue, KeptEnd, NewCall } from '../../src/calls/queue-port.ts';

const ann = toUserName('ann');
const echo = toFunctionName('echo');
const text = (value: string) => new TextEncoder().encode(value);
const all = Number.MAX_SAFE_INTEGER;

export function newCall(id: string, more: Partial<NewCall> = {}): NewCall {
  return {
    id: id as CallId,
    user: ann,
    function: echo,
    input: text(`input of ${id}`),
    createdAtMs: 1000,
    timeoutMs: 5000,
    dedupeKey: null,
    fingerprint: null,
    request: null,
    traceparent: null,
    given: null,
    inputPlace: null,
    outputPlace: null,
    ...more,
  };
}

const succeeded: KeptEnd = {
  state: 'succeeded',
  output: text('the output'),
  returnValue: 0,
  error: null,
  endedAtMs: 3000,
};
const lost: CallError = {
  code: 'executor_lost',
  message: 'it is gone',
  details: { component: 'worker-pool' },
};

/** @param open a queue with nothing in it, closed by the suite */
export function callQueueContract(test: TestFn, name: string, open: () => Promise<CallQueue>): void {
  const check = (title: string, run: (t: ExecutionContext, queue: CallQueue) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => {
      const queue = await open();
      try {
        await run(t, queue);
      } finally {
        await queue.close();
      }
    });
  const id = 'c1' as CallId;

  check('an unknown call is nothing', async (t, queue) => {
    t.is(await queue.status(id), undefined);
    t.is(await queue.claim(id, 1), undefined);
    t.is(await queue.cancel(id, 1), undefined);
    t.is(await queue.output(id, 0, all), undefined);
    t.is(await queue.find(newCall('c1', { dedupeKey: 'key' })), undefined);
    await queue.finish(id, succeeded);
    await queue.retry(id, lost, 1);
    t.is(await queue.status(id), undefined);
    t.deepEqual(await queue.recover([]), []);
  });

  check('claim() gives what the call was given', async (t, queue) => {
    const given = { args: ['-x', 'a\nb'], env: { LANG: 'de' } };
    const request = {
      method: 'POST',
      target: '/fa/ann/echo?a=b',
      protocol: 'HTTP/1.1',
      headers: ['Host: x'],
      address: '::1',
      port: 1,
    };
    await queue.enqueue(newCall('c1', { given, request }));
    const claimed = await queue.claim(id, 1);
    t.deepEqual([claimed?.given, claimed?.request], [given, request]);
    await queue.enqueue(newCall('c2'));
    t.is((await queue.claim('c2' as CallId, 1))?.given, null);
  });

  check('enqueue() keeps a call and its input', async (t, queue) => {
    const input = text('live');
    const enqueued = queue.enqueue(newCall('c1', { input, traceparent: '00-ab' }));
    input.fill(0);
    const { status, isNew } = await enqueued;
    t.true(isNew);
    t.deepEqual(status, {
      id,
      user: ann,
      function: echo,
      state: 'queued',
      attempts: 0,
      createdAtMs: 1000,
      startedAtMs: null,
      endedAtMs: null,
      returnValue: null,
      error: null,
      traceparent: '00-ab',
    });
    t.deepEqual(await queue.claim(id, 2000), {
      id,
      user: ann,
      function: echo,
      input: text('live'),
      timeoutMs: 5000,
      traceparent: '00-ab',
      given: null,
      request: null,
      inputPlace: null,
      outputPlace: null,
      attempts: 1,
    });
    const running = await queue.status(id);
    t.deepEqual([running?.state, running?.attempts, running?.startedAtMs], ['running', 1, 2000]);
  });

  check('finish() keeps the result, and keeps the first one', async (t, queue) => {
    await queue.enqueue(newCall('c1'));
    await queue.claim(id, 2000);
    await queue.finish(id, succeeded);
    await queue.finish(id, { ...succeeded, state: 'failed', output: text('another') });
    const status = await queue.status(id);
    t.deepEqual([status?.state, status?.returnValue, status?.endedAtMs], ['succeeded', 0, 3000]);
    const output = await queue.output(id, 0, all);
    t.deepEqual(output?.bytes, text('the output'));
    t.is(output?.sizeBytes, 10);
    t.is(await queue.claim(id, 4000), undefined);
  });

  check('output() gives a range, cut off at the end', async (t, queue) => {
    await queue.enqueue(newCall('c1'));
    t.is((await queue.output(id, 0, all))?.status.state, 'queued');
    await queue.finish(id, succeeded);
    t.deepEqual((await queue.output(id, 4, 3))?.bytes, text('out'));
    t.deepEqual((await queue.output(id, 7, 100))?.bytes, text('put'));
    t.deepEqual((await queue.output(id, 50, 100))?.bytes, text(''));
    t.is((await queue.output(id, 50, 100))?.sizeBytes, 10);
  });

  check('an empty input and an empty output are kept as such', async (t, queue) => {
    await queue.enqueue(newCall('c1', { input: text('') }));
    t.is((await queue.claim(id, 1))?.input.length, 0);
    await queue.finish(id, { ...succeeded, output: text('') });
    t.is((await queue.output(id, 0, all))?.bytes.length, 0);
  });

  check('finish() keeps an error as it is', async (t, queue) => {
    await queue.enqueue(newCall('c1'));
    await queue.finish(id, { ...succeeded, state: 'dead', returnValue: null, error: lost });
    const status = await queue.status(id);
    t.deepEqual([status?.state, status?.returnValue, status?.error], ['dead', null, lost]);
  });

  check('retry() queues the call again, with its error and attempts', async (t, queue) => {
    await queue.enqueue(newCall('c1'));
    await queue.claim(id, 2000);
    await queue.retry(id, lost, 9000);
    const status = await queue.status(id);
    t.deepEqual([status?.state, status?.attempts, status?.error], ['queued', 1, lost]);
    t.deepEqual(await queue.recover([]), [{ id, user: ann, attempts: 1, notBeforeMs: 9000 }]);
    t.is((await queue.claim(id, 9000))?.attempts, 2);
    await queue.finish(id, succeeded);
    t.is((await queue.status(id))?.error, null);
  });

  check('cancel() ends what has not ended, and nothing else', async (t, queue) => {
    await queue.enqueue(newCall('c1'));
    await queue.enqueue(newCall('c2'));
    await queue.claim('c2' as CallId, 2000);
    t.is((await queue.cancel(id, 2500))?.state, 'cancelled');
    t.is((await queue.cancel('c2' as CallId, 2500))?.state, 'cancelled');
    await queue.retry('c2' as CallId, lost, 1);
    await queue.finish('c2' as CallId, succeeded);
    const status = await queue.status('c2' as CallId);
    t.deepEqual([status?.state, status?.endedAtMs], ['cancelled', 2500]);
    t.is(await queue.claim(id, 3000), undefined);
    await queue.enqueue(newCall('c3'));
    await queue.finish('c3' as CallId, succeeded);
    t.is((await queue.cancel('c3' as CallId, 4000))?.state, 'succeeded');
  });

  check('enqueue() with a key that was used gives the call that used it', async (t, queue) => {
    await queue.enqueue(newCall('c1', { dedupeKey: 'key' }));
    const keyed = { dedupeKey: 'keyed', fingerprint: 'one' };
    await queue.enqueue(newCall('k1', keyed));
    t.false((await queue.enqueue(newCall('k2', keyed))).isNew);
    const reused = newCall('k3', { ...keyed, fingerprint: 'two' });
    await t.throwsAsync(queue.enqueue(reused), { code: 'idempotency_key_reused' });
    await t.throwsAsync(queue.find(reused), { code: 'idempotency_key_reused' });
    await queue.claim(id, 2000);
    const again = await queue.enqueue(newCall('c2', { dedupeKey: 'key' }));
    t.deepEqual([again.isNew, again.status.id, again.status.state], [false, id, 'running']);
    t.is((await queue.find(newCall('c2', { dedupeKey: 'key' })))?.id, id);
    const other = await queue.enqueue(newCall('c3', { dedupeKey: 'key', function: toFunctionName('other') }));
    const another = await queue.enqueue(newCall('c4', { dedupeKey: 'key', user: toUserName('bob') }));
    t.true(other.isNew && another.isNew);
    t.is(await queue.status('c2' as CallId), undefined);
  });

  check(
    'enqueue() of an id that is in use gives that call to its function, and to no other',
    async (t, queue) => {
      await queue.enqueue(newCall('c1'));
      t.is((await queue.enqueue(newCall('c1'))).isNew, false);
      await t.throwsAsync(queue.enqueue(newCall('c1', { user: toUserName('bob') })), { code: 'conflict' });
    },
  );

  check('sweep() forgets what ended before, so many at once', async (t, queue) => {
    for (const one of ['c1', 'c2', 'c3', 'c4']) await queue.enqueue(newCall(one, { dedupeKey: one }));
    for (const [one, endedAtMs] of [
      ['c1', 1],
      ['c2', 2],
      ['c3', 100],
    ] as const) {
      await queue.finish(one as CallId, { ...succeeded, endedAtMs });
    }
    t.is(await queue.sweep(50, 1), 1);
    t.is(await queue.sweep(50, 10), 1);
    t.is(await queue.sweep(50, 10), 0);
    t.is(await queue.status(id), undefined);
    t.is(await queue.output(id, 0, all), undefined);
    t.truthy(await queue.status('c3' as CallId));
    t.truthy(await queue.status('c4' as CallId));
    t.true((await queue.enqueue(newCall('c5', { dedupeKey: 'c1' }))).isNew);
  });

  check('recover() counts an attempt that had begun, and no other', async (t, queue) => {
    const [begun, waiting, before] = ['begun', 'waiting', 'before'] as [CallId, CallId, CallId];
    for (const one of [begun, waiting, before]) {
      await queue.enqueue(newCall(one));
      await queue.claim(one, 5);
    }
    await queue.retry(before, lost, 0);
    await queue.claim(before, 6);
    const marks = [
      { id: begun, attempt: 1 },
      { id: before, attempt: 1 },
    ];
    const counted = async (given: typeof marks) =>
      Object.fromEntries((await queue.recover(given)).map((call) => [call.id, call.attempts]));
    t.deepEqual(await counted(marks), { begun: 1, waiting: 0, before: 1 });
    t.deepEqual(await counted([]), { begun: 1, waiting: 0, before: 1 }, 'what was counted once stays');
    t.is((await queue.status(waiting))?.state, 'queued');
    t.is((await queue.claim(begun, 7))?.attempts, 2);
    t.is((await queue.claim(waiting, 7))?.attempts, 1);
  });

  check('recover() gives what has not ended, oldest first', async (t, queue) => {
    await queue.enqueue(newCall('late', { createdAtMs: 3 }));
    await queue.enqueue(newCall('early', { createdAtMs: 1 }));
    await queue.enqueue(newCall('ended', { createdAtMs: 2 }));
    await queue.enqueue(newCall('second', { createdAtMs: 1 }));
    await queue.claim('early' as CallId, 5);
    await queue.finish('ended' as CallId, succeeded);
    const recovered = await queue.recover([{ id: 'early' as CallId, attempt: 1 }]);
    t.deepEqual(
      recovered.map((call) => [call.id, call.attempts]),
      [
        ['early' as CallId, 1],
        ['second' as CallId, 0],
        ['late' as CallId, 0],
      ],
    );
  });
}
