import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import test from 'ava';
import { startHttpBridge } from '../../actors/http-bridge.ts';
import { type ErrorCode, FaasmError } from '../../proto/errors.ts';
import { noSettings } from '../../proto/function-settings.ts';
import { headers as names, resourceHeaders } from '../../proto/headers.ts';
import type { CallStatus, FunctionDescription } from '../../proto/messages.ts';
import { type CallId, toFunctionName, toUserName } from '../../proto/names.ts';
import { respondError } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { Encodable, emptyBody, type Headers, header, respond, toBytes } from '../../src/bus/port.ts';
import { callStatusCodec } from '../../src/calls/queue-messages.ts';
import { loadConfig } from '../../src/config/config.ts';
import { functionDescriptionCodec, functionListCodec } from '../../src/functions/messages.ts';
import { nodePowers } from '../../src/power/node.ts';
import { Readiness } from '../../src/readiness.ts';
import { callIdOf } from '../call-ids.ts';
import { collect, exchangeRaw, silentLog, startBridge, streamOf, subjects, until } from '../http/_bridge.ts';

const user = toUserName('demo');
const fn = toFunctionName('echo');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test('POST /f/ gives exactly the output, and the ids of request and call', async (t) => {
  const { bus, fetch } = await startBridge(t);
  bus.subscribe(subjects.invoke('*', '*'), (message) => {
    t.is(message.subject, 'faasm.invoke.demo.echo');
    respond(bus, message, Buffer.concat([Buffer.from('got '), toBytes(message.body)]));
  });
  const answer = await fetch('/f/demo/echo/?ignored=1', { method: 'POST', body: 'in\0put' });
  t.is(answer.status, 200);
  t.is(await answer.text(), 'got in\0put');
  t.is(answer.headers.get('content-type'), 'application/octet-stream');
  const callId = answer.headers.get('faasm-call-id');
  t.regex(callId ?? '', /^[A-Za-z0-9_-]{1,64}$/);
  t.is(answer.headers.get('x-request-id'), callId);
});

test('POST /f/ passes on empty, large and chunked inputs byte for byte', async (t) => {
  const { bus, fetch, fetchUpload } = await startBridge(t);
  bus.subscribe(subjects.invoke('*', '*'), (message) => respond(bus, message, message.body));
  const echo = async (via: typeof fetch, body: BodyInit | undefined) =>
    Buffer.from(await (await via('/f/demo/echo', { method: 'POST', ...(body && { body }) })).arrayBuffer());
  t.is((await echo(fetch, undefined)).length, 0);
  const large = randomBytes(5_000_000);
  t.true((await echo(fetchUpload, large)).equals(large));
  const pieces = [randomBytes(10), randomBytes(100_000), randomBytes(1)];
  t.true((await echo(fetch, streamOf(...pieces))).equals(Buffer.concat(pieces)));
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  t.true((await echo(fetch, everyByte)).equals(everyByte));
});

test('POST /f/ hands request headers on to the call', async (t) => {
  const { bus, fetch } = await startBridge(t);
  const messages = collect(bus, subjects.invoke('*', '*'));
  bus.subscribe(subjects.invoke('*', '*'), (message) => respond(bus, message, emptyBody));
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const answer = await fetch('/f/demo/echo', {
    method: 'POST',
    headers: { 'X-Faasm-Timeout': '500ms', traceparent, 'X-Request-Id': 'my-request_1' },
  });
  t.is(answer.headers.get('x-request-id'), 'my-request_1');
  await fetch('/f/demo/echo', {
    method: 'POST',
    headers: { traceparent: 'nonsense', 'X-Request-Id': 'not a token' },
  });
  t.is(header(messages[0]!, names.timeout), '500ms');
  t.is(header(messages[0]!, names.traceparent), traceparent);
  t.is(header(messages[0]!, names.callId), answer.headers.get('faasm-call-id') ?? '');
  t.is(header(messages[1]!, names.traceparent), undefined);
  t.not(header(messages[1]!, names.callId), header(messages[0]!, names.callId));
});

const unfit = test.macro(async (t, path: string, headers: Headers) => {
  const { bus, fetch } = await startBridge(t);
  let answers = headers;
  for (const subject of [subjects.invoke('*', '*'), subjects.state('*', '*', '*')]) {
    bus.subscribe(subject, (message) => respond(bus, message, emptyBody, answers));
  }
  const method = path.startsWith('/f/') ? 'POST' : 'GET';
  const refused = await fetch(path, { method });
  t.true(refused.status >= 500, `${refused.status}`);
  await refused.text();
  answers = {};
  t.is((await fetch('/f/demo/echo', { method: 'POST' })).status, 200);
});

for (const name of [names.returnValue, names.output]) {
  test(`an answer with ${name} that HTTP cannot carry fails its call alone`, unfit, '/f/demo/echo', {
    [name]: ['\u2603\r\nX: y'],
  });
}
test('an error with details that are none of ours fails its call alone', unfit, '/f/demo/echo', {
  [names.serviceError]: ['\u2603'],
  [names.errorCode]: ['draining'],
  [names.errorDetails]: ['{"retryAfterMs":"\u2603","status":"x","headers":{"a":"\u2603"}}'],
});
test('a version that HTTP cannot carry fails its request alone', unfit, '/s/demo/key', {
  'Faasm-Version': ['\u2603'],
  'Faasm-Size': ['0'],
});

const logs = test.macro(async (t, path: string, code: ErrorCode, level: string) => {
  const { bus, fetch, logged } = await startBridge(t);
  for (const subject of [subjects.invoke('*', '*'), subjects.state('*', '*', '*')]) {
    bus.subscribe(subject, (message) => respondError(bus, message, new FaasmError(code, 'It failed')));
  }
  const id = 'req:1/a.b=c';
  const answer = await fetch(path, { method: 'POST', headers: { 'X-Request-Id': id } });
  t.is(((await answer.json()) as { instance: string }).instance, id);
  const line = logged.find(({ requestId }) => requestId === id);
  t.like(line, { level, code, text: 'It failed' });
  t.is(line?.call, answer.headers.get('faasm-call-id') ?? undefined);
});

test('a failed call is logged with the ids of request and call', logs, '/f/demo/echo', 'not_found', 'debug');
test('a bug in a call is logged as an error', logs, '/f/demo/echo', 'internal', 'error');
test('a failed request is logged with its id', logs, '/s/demo/key', 'conflict', 'debug');
test('a bug in a request is logged as an error', logs, '/s/demo/key', 'internal', 'error');

test('POST /f/ refuses a duration that is none', async (t) => {
  const { fetch } = await startBridge(t);
  const answer = await fetch('/f/demo/echo', { method: 'POST', headers: { 'X-Faasm-Timeout': 'soon' } });
  t.is(answer.status, 400);
  t.regex(((await answer.json()) as { detail: string }).detail, /X-Faasm-Timeout/);
});

const failure = test.macro<[ErrorCode, number]>({
  async exec(t, code, status) {
    const { bus, fetch } = await startBridge(t);
    const details = {
      component: 'pool',
      returnValue: 3,
      trap: 'unreachable',
      backtrace: 'f\ng',
      stderr: 'é',
    };
    bus.subscribe(subjects.invoke('*', '*'), (message) =>
      respondError(
        bus,
        message,
        new FaasmError(code, 'It failed', { details: { ...details, retryAfterMs: 2500 } }),
      ),
    );
    const answer = await fetch('/f/demo/echo', { method: 'POST', headers: { 'X-Request-Id': 'r1' } });
    t.is(answer.status, status);
    t.is(answer.headers.get('content-type'), 'application/problem+json');
    t.is(answer.headers.get('retry-after'), status === 429 || status === 503 ? '3' : null);
    t.truthy(answer.headers.get('faasm-call-id'));
    t.deepEqual(await answer.json(), {
      type: `urn:faasm:error:${code}`,
      title: code[0]!.toUpperCase() + code.slice(1).replaceAll('_', ' '),
      status,
      detail: 'It failed',
      code,
      instance: 'r1',
      ...details,
    });
  },
  title: (_, code, status) => `POST /f/ answers ${code} with ${status} and a problem that has the details`,
});

test(failure, 'unauthorized', 401);
test(failure, 'not_found', 404);
test(failure, 'cancelled', 409);
test(failure, 'too_many_requests', 429);
test(failure, 'guest_returned', 500);
test(failure, 'guest_trapped', 500);
test(failure, 'internal', 500);
test(failure, 'draining', 503);
test(failure, 'no_capacity', 503);
test(failure, 'deadline_exceeded', 504);

test('POST /f/ answers 503 where nobody takes calls', async (t) => {
  const { fetch } = await startBridge(t);
  const answer = await fetch('/f/demo/echo', { method: 'POST' });
  t.is(answer.status, 503);
  t.is(answer.headers.get('retry-after'), '1');
  t.is(((await answer.json()) as { code: string }).code, 'no_responders');
});

test('a client that leaves cancels its call, and an answered one cancels nothing', async (t) => {
  const { bus, fetch } = await startBridge(t);
  const invoked = collect(bus, subjects.invoke('*', '*'));
  const cancelled = collect(bus, subjects.cancel('*', '*'));
  const leave = new AbortController();
  const left = fetch('/f/demo/slow', { method: 'POST', signal: leave.signal });
  await until(() => invoked.length === 1);
  leave.abort();
  await t.throwsAsync(left, { name: 'AbortError' });
  await until(() => cancelled.length === 1);
  t.is(cancelled[0]!.subject, subjects.cancel(user, header(invoked[0]!, names.callId) as CallId));

  const answered = fetch('/f/demo/fast', { method: 'POST', headers: { Connection: 'close' } });
  await until(() => invoked.length === 2);
  respond(bus, invoked[1]!, emptyBody);
  await (await answered).arrayBuffer();
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.is(cancelled.length, 1);
});

test('a page of another origin may not call, and one of this host may', async (t) => {
  const { bus, fetch } = await startBridge(t);
  bus.subscribe(subjects.invoke('*', '*'), (message) => respond(bus, message, emptyBody));
  const from = async (site: string) =>
    (await fetch('/f/demo/echo', { method: 'POST', headers: { 'Sec-Fetch-Site': site } })).status;
  t.is(await from('cross-site'), 403);
  t.is(await from('same-site'), 403);
  t.is(await from('none'), 200);
  t.is(await from('same-origin'), 200);
});

const gone = callIdOf('demo', 'gone');
const kept = callIdOf('demo', 'kept');
const status: CallStatus = {
  id: kept,
  user,
  function: fn,
  state: 'succeeded',
  attempts: 1,
  createdAtMs: 1,
  startedAtMs: 2,
  endedAtMs: 3,
  returnValue: 0,
  error: null,
  traceparent: null,
};

const asynchronous = test.macro<[string, Record<string, string>]>({
  async exec(t, path, given) {
    const { bus, fetch, logged } = await startBridge(t);
    const messages = collect(bus, subjects.async('*', '*'));
    bus.subscribe(subjects.async('*', '*'), (message) =>
      respond(bus, message, new Encodable(status, callStatusCodec)),
    );
    const answer = await fetch(path, {
      method: 'POST',
      body: 'input',
      headers: { ...given, 'Idempotency-Key': 'once/1', 'X-Faasm-Timeout': '2s' },
    });
    t.is(answer.status, 202);
    t.is(await answer.text(), kept);
    t.is(answer.headers.get('location'), `/calls/${kept}`);
    t.is(logged.find(({ call }) => call === kept)?.requestId, answer.headers.get('x-request-id'));
    t.is(messages.length, 1);
    t.is(text(toBytes(messages[0]!.body)), 'input');
    t.is(header(messages[0]!, 'Nats-Msg-Id'), 'once/1');
    t.is(header(messages[0]!, names.timeout), '2s');
    t.truthy(header(messages[0]!, names.callId));
  },
  title: (_, path, given) => `POST ${path} with ${JSON.stringify(given)} is kept and answered with its id`,
});

test(asynchronous, '/fa/demo/echo', {});
test(asynchronous, '/fa/demo/echo/', {});
test(asynchronous, '/f/demo/echo', { Prefer: 'wait=1, respond-async' });

test('POST /fa/ refuses an Idempotency-Key that is none', async (t) => {
  const { fetch } = await startBridge(t);
  const headers = { 'Idempotency-Key': 'x'.repeat(256) };
  t.is((await fetch('/fa/demo/echo', { method: 'POST', headers })).status, 400);
});

test('/calls/<id>/output gives a large output piece by piece', async (t) => {
  const { bus, fetch } = await startBridge(t);
  const output = randomBytes(3_000_000);
  const asked = collect(bus, subjects.calls('output', '*', '*'));
  bus.subscribe(subjects.calls('output', '*', '*'), (message) => {
    const offset = Number(header(message, resourceHeaders.offset));
    const bytes = output.subarray(offset, offset + Number(header(message, resourceHeaders.length)));
    respond(bus, message, bytes, { [resourceHeaders.size]: [String(output.length)] });
  });
  const answer = await fetch(`/calls/${kept}/output`);
  t.is(answer.headers.get('content-length'), '3000000');
  t.true(Buffer.from(await answer.arrayBuffer()).equals(output));
  t.is(asked.length, 3);
});

test('/calls/ tells the status, gives the output, cancels', async (t) => {
  const { bus, fetch } = await startBridge(t);
  bus.subscribe(subjects.calls('*', '*', '*'), (message) => {
    const op = message.subject.split('.')[2];
    if (message.subject.endsWith(`.demo.${gone}`))
      respondError(bus, message, new FaasmError('not_found', 'No such call'));
    else if (op === 'output') respond(bus, message, Buffer.from('out\0'));
    else {
      const state = op === 'cancel' ? 'cancelled' : 'succeeded';
      respond(bus, message, new Encodable({ ...status, state }, callStatusCodec));
    }
  });
  t.deepEqual(await (await fetch(`/calls/${kept}`)).json(), { ...status });
  t.is(await (await fetch(`/calls/${kept}/output`)).text(), 'out\0');
  t.like(await (await fetch(`/calls/${kept}`, { method: 'DELETE' })).json(), { state: 'cancelled' });
  t.is((await fetch(`/calls/${gone}`)).status, 404);
});

const versions = ['a'.repeat(64), 'b'.repeat(64)] as const;
const description: FunctionDescription = {
  user,
  name: fn,
  live: versions[0],
  versions: [
    { version: versions[0], module: versions[0], settings: noSettings, sizeBytes: 3, uploadedAtMs: 1 },
  ],
  revision: 1,
};

for (const path of [
  '/f/demo/echo',
  '/f/demo/echo/',
  '/fa/demo/echo',
  '/f/demo/echo/echo.wasm',
  '/fa/demo/echo/x',
]) {
  test(`PUT ${path} uploads the body`, async (t) => {
    const { bus, fetch, fetchUpload } = await startBridge(t);
    const messages = collect(bus, subjects.functions('upload', '*', '*'));
    bus.subscribe(subjects.functions('upload', user, fn), (message) =>
      respond(bus, message, new Encodable(description, functionDescriptionCodec)),
    );
    const answer = await fetchUpload(path, { method: 'PUT', body: 'wasm' });
    t.is(answer.status, 200);
    t.is(await answer.text(), 'Function upload complete');
    t.is(answer.headers.get('etag'), `"${versions[0]}"`);
    const accept = { Accept: 'application/json' };
    const asJson = await fetch(path, { method: 'PUT', body: 'wasm', headers: accept });
    t.deepEqual(await asJson.json(), { ...description });
    t.deepEqual(
      messages.map(({ body }) => text(toBytes(body))),
      ['wasm', 'wasm'],
    );
  });
}

test('PUT /f/ passes its conditions on, and of several versions the live one', async (t) => {
  const { bus, fetch } = await startBridge(t);
  const uploads = collect(bus, subjects.functions('upload', '*', '*'));
  bus.subscribe(subjects.functions('*', '*', '*'), (message) =>
    respond(bus, message, new Encodable(description, functionDescriptionCodec)),
  );
  const put = async (headers: Record<string, string>) =>
    (await fetch('/f/demo/echo', { method: 'PUT', body: 'wasm', headers })).status;
  t.is(await put({ 'If-None-Match': '*' }), 200);
  t.is(await put({ 'If-Match': `"${versions[1]}"` }), 200);
  t.is(await put({ 'If-Match': `"${versions[1]}", "${versions[0]}"` }), 200);
  t.is(await put({ 'If-Match': '"c", "d"' }), 412);
  t.is(await put({ 'If-None-Match': '"c"' }), 400);
  t.deepEqual(
    uploads.map(({ headers }) => headers),
    [
      { [resourceHeaders.ifNoneMatch]: ['*'] },
      { [resourceHeaders.ifMatch]: [versions[1]] },
      { [resourceHeaders.ifMatch]: [versions[0]] },
    ],
  );
});

test('PUT /f/ refuses an empty body and one that is too large', async (t) => {
  const { bus, fetch } = await startBridge(t, { moduleMaxBytes: 1000 });
  const uploads = collect(bus, subjects.functions('upload', '*', '*'));
  const put = async (body: BodyInit) => (await fetch('/f/demo/echo', { method: 'PUT', body })).status;
  t.is(await put(''), 400);
  t.is(await put(randomBytes(1001)), 413);
  t.is(await put(streamOf(randomBytes(600), randomBytes(600))), 413);
  t.is(uploads.length, 0);
});

test('GET and DELETE /f/ list, describe, fetch and remove', async (t) => {
  const { bus, fetch } = await startBridge(t);
  const module = Buffer.from('module');
  bus.subscribe(subjects.functions('list', user, '*'), (message) =>
    respond(bus, message, new Encodable([description], functionListCodec)),
  );
  bus.subscribe(subjects.functions('describe', user, fn), (message) =>
    respond(bus, message, new Encodable(description, functionDescriptionCodec)),
  );
  bus.subscribe(subjects.functions('fetch', user, fn), (message) => respond(bus, message, module));
  bus.subscribe(subjects.functions('delete', user, fn), (message) => respond(bus, message, emptyBody));
  t.deepEqual(await (await fetch('/f/demo')).json(), [{ ...description }]);
  const described = await fetch('/f/demo/echo');
  t.deepEqual(await described.json(), { ...description });
  const etag = described.headers.get('etag')!;
  t.is((await fetch('/f/demo/echo', { headers: { 'If-None-Match': etag } })).status, 304);
  t.is((await fetch('/f/demo/echo', { headers: { 'If-Match': '"x"' } })).status, 412);
  const fetched = await fetch('/f/demo/echo', { headers: { Accept: 'application/wasm' } });
  t.is(fetched.headers.get('content-type'), 'application/wasm');
  t.is(await fetched.text(), 'module');
  const head = await fetch('/f/demo/echo', { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(await head.text(), '');
  t.is((await fetch('/f/demo/echo', { method: 'DELETE' })).status, 204);
});

test('/healthz answers always, /readyz says why not', async (t) => {
  const readiness = new Readiness();
  readiness.set('executors', 'starting');
  readiness.degrade('functions', 'their store is away');
  const { fetch, fetchUpload } = await startBridge(t, {}, readiness);
  t.is(await (await fetchUpload('/healthz')).text(), 'ok\n');
  const notYet = await fetch('/readyz');
  t.is(notYet.status, 503);
  t.regex(((await notYet.json()) as { detail: string }).detail, /: executors: starting$/);
  readiness.set('executors', undefined);
  t.is(await (await fetch('/readyz')).text(), 'ready, and degraded: functions: their store is away\n');
  readiness.degrade('functions', undefined);
  t.is(await (await fetch('/readyz')).text(), 'ready\n');
});

test('what a client says of chains and attempts does not become a header of its call', async (t) => {
  const { bus, fetch } = await startBridge(t);
  const invoked = collect(bus, subjects.invoke('*', '*'));
  bus.subscribe(subjects.invoke('*', '*'), (message) => respond(bus, message, message.body));
  const forged = ['Call-Id', 'Depth', 'Tree-Calls', 'Parent-Id', 'Root-Id', 'Pointer', 'Attempt', 'Deadline'];
  const headers = forged.flatMap((name) => [
    [`Faasm-${name}`, '1'] as const,
    [`X-Faasm-${name}`, '1'] as const,
  ]);
  const body = 'x';
  const answer = await fetch('/f/demo/echo', { method: 'POST', body, headers: Object.fromEntries(headers) });
  t.is(await answer.text(), body);
  t.deepEqual(Object.keys(invoked[0]!.headers ?? {}), [names.callId]);
  t.not(header(invoked[0]!, names.callId), '1');
});

test('/, /console/data and /metrics come from the console of this host', async (t) => {
  const { privateBus, fetch } = await startBridge(t);
  privateBus.subscribe('private.console.*', (message) => {
    const kind = message.subject.split('.').at(-1)!;
    const given = { 'Content-Type': [`text/${kind}`], 'Content-Security-Policy': ["default-src 'none'"] };
    respond(privateBus, message, Buffer.from(kind), given);
  });
  for (const [path, kind] of [
    ['/', 'page'],
    ['/console/data', 'data'],
    ['/metrics', 'metrics'],
  ] as const) {
    const answer = await fetch(path);
    t.is(await answer.text(), kind);
    t.is(answer.headers.get('content-type'), `text/${kind}`);
    t.is(answer.headers.get('content-security-policy'), "default-src 'none'");
    t.is(answer.headers.get('x-content-type-options'), 'nosniff');
  }
});

test('a refused request has a problem, Allow and an id', async (t) => {
  const { fetch } = await startBridge(t);
  const answer = await fetch('/fa/demo/echo');
  t.is(answer.status, 405);
  t.is(answer.headers.get('allow'), 'POST, PUT');
  const problem = (await answer.json()) as { code: string; instance: string };
  t.is(problem.code, 'method_not_allowed');
  t.is(problem.instance, answer.headers.get('x-request-id') ?? '');
});

test('startHttpBridge() names the port and the setting when the port is in use', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const start = (ports: number[]) =>
    startHttpBridge({
      random: nodePowers.random,
      bus: createMemoryBus({ powers: nodePowers }),
      privateBus: createMemoryBus({ powers: nodePowers }),
      subjects,
      config: { ...loadConfig().http, ports },
      log: silentLog,
      readiness: new Readiness(),
    });
  const first = await t.throwsAsync(start([port, 0]), { instanceOf: FaasmError });
  t.is(first.code, 'conflict');
  t.regex(first.message, new RegExp(`127.0.0.1:${port}.*FAASM_HTTP_PORT`));
  const second = await t.throwsAsync(start([0, port]), { instanceOf: FaasmError });
  t.regex(second.message, /FAASM_UPLOAD_PORT/);
});

test('close() waits for the answers under way and takes nothing new', async (t) => {
  const { bus, bridge, fetch } = await startBridge(t);
  const invoked = collect(bus, subjects.invoke('*', '*'));
  const waiting = fetch('/f/demo/echo', { method: 'POST' });
  await until(() => invoked.length === 1);
  let closed = false;
  const closing = bridge.close(30_000).then(() => (closed = true));
  await t.throwsAsync(fetch('/healthz'));
  t.false(closed);
  respond(bus, invoked[0]!, Buffer.from('late'));
  t.is(await (await waiting).text(), 'late');
  await closing;
});

test('close() hangs up on a client that keeps its connection, once it has its answer', async (t) => {
  const { bus, bridge, port } = await startBridge(t);
  const invoked = collect(bus, subjects.invoke('*', '*'));
  const request = 'POST /f/demo/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
  const exchanged = exchangeRaw(port, request);
  await until(() => invoked.length === 1);
  const closing = bridge.close(30_000);
  respond(bus, invoked[0]!, Buffer.from('late'));
  const answer = await exchanged;
  t.regex(answer, /\r\nConnection: close\r\n/);
  t.true(answer.endsWith('\r\n\r\nlate'));
  await closing;
});

test('close() sends all of an answer that its client is slow to read', async (t) => {
  const { bus, bridge, port } = await startBridge(t);
  const output = randomBytes(20_000_000);
  bus.subscribe(subjects.invoke('*', '*'), (message) => respond(bus, message, output));
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /f/demo/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
  await once(socket, 'readable');
  const closing = bridge.close(30_000);
  await t.throwsAsync(exchangeRaw(port, ''));
  const answer = Buffer.concat(await Array.fromAsync(socket));
  t.true(answer.subarray(-output.length).equals(output));
  await closing;
});

test('close() refuses what is not answered after its time, and cancels it', async (t) => {
  const { bus, bridge, fetch } = await startBridge(t);
  const invoked = collect(bus, subjects.invoke('*', '*'));
  const cancelled = collect(bus, subjects.cancel('*', '*'));
  const waiting = fetch('/f/demo/echo', { method: 'POST' });
  await until(() => invoked.length === 1);
  await bridge.close(20);
  const refused = await waiting;
  t.is(refused.status, 503);
  t.like(await refused.json(), { code: 'draining' });
  await until(() => cancelled.length === 1);
});
