import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import test from 'ava';
import { toFunctionName } from '../../proto/names.ts';
import { respond, toBytes } from '../../src/bus/port.ts';
import { collect, exchangeRaw, startBridge, subjects, until } from './_bridge.ts';

async function startEcho(...args: Parameters<typeof startBridge>) {
  const parts = await startBridge(...args);
  const invoked = collect(parts.bus, subjects.invoke('*', '*'));
  parts.bus.subscribe(subjects.invoke('*', toFunctionName('echo')), (message) =>
    respond(parts.bus, message, message.body),
  );
  return { ...parts, invoked };
}

const malformed = test.macro<[string, string, number, string]>({
  async exec(t, _, request, status, code) {
    const { port, fetch } = await startEcho(t, { headersMaxBytes: 4096 });
    const answer = await exchangeRaw(port, request);
    t.true(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    t.regex(answer, /\r\nContent-Type: application\/problem\+json\r\n/);
    t.regex(answer, /\r\nConnection: close\r\n/i);
    const problem = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
    t.like(problem, { status, code, type: `urn:faasm:error:${code}` });
    t.is((await fetch('/healthz')).status, 200);
  },
  title: (_, name, __, status) => `${name} is answered with ${status} and the connection ends`,
});

const post = 'POST /f/demo/echo HTTP/1.1\r\nHost: x\r\n';
test(malformed, 'a line that is not HTTP', 'hello there\r\n\r\n', 400, 'bad_request');
test(malformed, 'a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'bad_request');
test(malformed, 'a header without a name', `${post}: value\r\n\r\n`, 400, 'bad_request');
test(malformed, 'a length that is no number', `${post}Content-Length: ten\r\n\r\n`, 400, 'bad_request');
test(malformed, 'two lengths', `${post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400, 'bad_request');
test(
  malformed,
  'a length and chunks',
  `${post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  400,
  'bad_request',
);
test(
  malformed,
  'a bad chunk',
  `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n`,
  400,
  'bad_request',
);
test(
  malformed,
  'a head that is too large',
  `${post}X: ${'x'.repeat(5000)}\r\n\r\n`,
  431,
  'headers_too_large',
);

const late = test.macro<[string, string]>({
  async exec(t, _, request) {
    const { port } = await startEcho(t, { headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const answer = await exchangeRaw(port, request);
    t.true(answer.startsWith('HTTP/1.1 408 '), answer);
    t.regex(answer, /"code":"bad_request"/);
  },
  title: (_, name) => `${name} is answered with 408`,
});

test(late, 'a head that does not end', 'POST /f/demo/echo HTTP/1.1\r\nHost: x\r\nX-Slow: ');
test(late, 'a body that does not end', `${post}Content-Length: 10\r\n\r\nabc`);

test('garbage after a request is answered after that request', async (t) => {
  const { bus, port, invoked } = await startEcho(t);
  const answer = exchangeRaw(
    port,
    'POST /f/demo/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi',
    'garbage\r\n\r\n',
  );
  await until(() => invoked.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  respond(bus, invoked[0]!, Buffer.from('slow answer'));
  t.regex(await answer, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nslow answerHTTP\/1\.1 400 /);
});

test('pipelined requests are answered in their order, whichever is ready first', async (t) => {
  const { bus, port, invoked } = await startEcho(t);
  const slow = 'POST /f/demo/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
  const fast = `${post}Content-Length: 4\r\n\r\nfast`;
  const last = `${post}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlast\r\n0\r\n\r\n`;
  const answer = exchangeRaw(port, slow + fast + last);
  await until(() => invoked.length === 3);
  respond(bus, invoked[0]!, Buffer.from('slow'));
  t.regex(await answer, /\r\n\r\nslowHTTP\/1\.1 200[\s\S]*\r\n\r\nfastHTTP\/1\.1 200[\s\S]*\r\n\r\nlast$/);
});

test('a client that leaves cancels every call that it pipelined', async (t) => {
  const { bus, port, invoked } = await startEcho(t);
  const cancelled = collect(bus, subjects.cancel('*', '*'));
  const socket = connect(port, '127.0.0.1');
  const slow = 'POST /f/demo/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
  socket.write(slow.repeat(3));
  await until(() => invoked.length === 3);
  socket.destroy();
  await until(() => cancelled.length === 3);
  t.is(new Set(cancelled.map(({ subject }) => subject)).size, 3);
});

test('a body of many small chunks arrives whole', async (t) => {
  const { port } = await startEcho(t);
  const chunks = Array.from({ length: 500 }, (_, at) => `1;note=x\r\n${at % 10}\r\n`).join('');
  const answer = await exchangeRaw(
    port,
    `${post}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
  );
  t.true(answer.endsWith(`\r\n\r\n${'0123456789'.repeat(50)}`));
});

test('Expect: 100-continue is told to go on, and then answered', async (t) => {
  const { port } = await startEcho(t);
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (data) => (text += data));
  socket.write(`${post}Connection: close\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`);
  await until(() => text.includes('100 Continue'));
  socket.write('body');
  await new Promise((resolve) => socket.on('close', resolve));
  t.regex(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [\s\S]*\r\n\r\nbody$/);
});

const unwanted = test.macro<[string, string, number]>({
  async exec(t, _, request, status) {
    const { port, invoked } = await startEcho(t, { inputMaxBytes: 1000 });
    const answer = await exchangeRaw(port, `${request}Expect: 100-continue\r\n\r\n`);
    t.true(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    t.is(invoked.length, 0);
  },
  title: (_, name) => `Expect: 100-continue with ${name} is refused before the body`,
});

test(unwanted, 'a length over the limit', `${post}Content-Length: 1001\r\n`, 413);
test(unwanted, 'a bad name', 'POST /f/de.mo/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n', 400);

test('an input over the limit is refused, and its connection goes on', async (t) => {
  const { port, invoked } = await startEcho(t, { inputMaxBytes: 1000 });
  const large = `${post}Content-Length: 1001\r\n\r\n${'x'.repeat(1001)}`;
  const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`;
  const fits = `${post}Connection: close\r\nContent-Length: 3\r\n\r\nfit`;
  const answer = await exchangeRaw(port, large, chunked, fits);
  t.deepEqual(answer.match(/HTTP\/1\.1 \d{3}/g), ['HTTP/1.1 413', 'HTTP/1.1 413', 'HTTP/1.1 200']);
  t.true(answer.endsWith('\r\n\r\nfit'));
  t.deepEqual(
    invoked.map(({ body }) => Buffer.from(toBytes(body)).toString()),
    ['fit'],
  );
});

test('whoever sends on and on after a refusal is cut off', async (t) => {
  const { port } = await startEcho(t, { inputMaxBytes: 1000 });
  const answer = await exchangeRaw(
    port,
    `${post}Content-Length: 90000000\r\n\r\n`,
    ...Array.from({ length: 20 }, () => randomBytes(1024 * 1024)),
  );
  t.true(answer === '' || answer.startsWith('HTTP/1.1 413 '), answer.slice(0, 100));
});

test('HTTP/1.0 is answered and its connection ends', async (t) => {
  const { port } = await startEcho(t);
  const answer = await exchangeRaw(port, 'POST /f/demo/echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi');
  t.true(answer.startsWith('HTTP/1.1 200 ') && answer.endsWith('\r\n\r\nhi'));
});
