/** Connections at their ends: what was asked is answered. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import test from 'ava';
import { respond } from '../../src/bus/port.ts';
import { collect, exchangeRaw, startBridge, subjects, until } from './_bridge.ts';

const call = (path: string, body = '') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Sends, ends its side, and gives all that comes back. */
function exchangeHalfClosed(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    socket.setEncoding('latin1').on('data', (data) => (text += data));
    socket.on('close', () => resolve(text)).on('error', reject);
    socket.end(request);
  });
}

test('a client that ends its side after its requests gets their answers, in their order', async (t) => {
  const { bus, port } = await startBridge(t);
  const invoked = collect(bus, subjects.invoke('*', '*'));
  const cancelled = collect(bus, subjects.cancel('*', '*'));
  bus.subscribe(subjects.state('set', '*', '*'), (message) => respond(bus, message, new Uint8Array(0)));
  const put =
    'PUT /s/demo/key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
  const exchanged = exchangeHalfClosed(port, call('/f/demo/one', 'in') + put + call('/f/demo/two'));
  await until(() => invoked.length === 2);
  respond(bus, invoked[1]!, Buffer.from('second'));
  respond(bus, invoked[0]!, Buffer.from('first'));
  t.regex(
    await exchanged,
    /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)*HTTP\/1\.1 200 [\s\S]*\r\n\r\nfirstHTTP\/1\.1 204 [\s\S]*HTTP\/1\.1 200 [\s\S]*\r\n\r\nsecond$/,
  );
  t.is(cancelled.length, 0);
});

test('a client that ends its side and waits long is told to go on, and answered', async (t) => {
  const { bus, port } = await startBridge(t);
  const invoked = collect(bus, subjects.invoke('*', '*'));
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.setEncoding('latin1').on('data', (data) => (text += data));
  socket.end(call('/f/demo/slow'));
  await until(() => text.includes('100 Continue'));
  respond(bus, invoked[0]!, Buffer.from('late'));
  await new Promise((resolve) => socket.on('close', resolve));
  t.regex(text, /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)+HTTP\/1\.1 200 [\s\S]*\r\n\r\nlate$/);
});

test('at the end of a drain whoever waits is told why, whatever is pipelined', async (t) => {
  const { bus, bridge, port, logged } = await startBridge(t);
  const invoked = collect(bus, subjects.invoke('*', '*'));
  const two = exchangeRaw(port, call('/f/demo/one') + call('/f/demo/two'));
  const half = exchangeHalfClosed(port, call('/f/demo/three'));
  const idle = exchangeRaw(port, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  const unfinished = connect(port, '127.0.0.1');
  let told = '';
  unfinished.setEncoding('latin1').on('data', (data) => (told += data));
  unfinished.write(
    'PUT /s/demo/key HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\nabc',
  );
  await until(() => told.includes('100 Continue'));
  await until(() => invoked.length === 3);
  await bridge.close(100);
  const refusals = [...(await two).matchAll(/HTTP\/1\.1 503 [\s\S]*?\r\n\r\n(\{.*\})\n/g)];
  t.is(refusals.length, 2);
  t.like(JSON.parse(refusals[0]![1]!), { code: 'draining', status: 503 });
  t.regex(refusals[0]![1]!, /FAASM_DRAIN_TIMEOUT_MS/);
  t.regex(await two, /\r\nConnection: close\r\n/);
  t.regex(await half, /HTTP\/1\.1 503 [\s\S]*"draining"/);
  await until(() => unfinished.closed);
  t.regex(told, /HTTP\/1\.1 503 [\s\S]*"draining"/);
  t.regex(await idle, /^HTTP\/1\.1 200 /);
  // What the calls give after that goes nowhere.
  for (const message of invoked) respond(bus, message, Buffer.from('too late'));
  t.false(logged.some(({ level }) => level === 'error'));
});

test('a client of HTTP/2 is told that HTTP/1.1 is spoken', async (t) => {
  const { port } = await startBridge(t);
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/healthz' });
  const [headers] = await once(stream, 'response');
  t.is(headers[':status'], 505);
  t.is(headers['content-type'], 'application/problem+json');
  t.regex(await readText(stream), /This port speaks HTTP\/1\.1/);
  await once(session, 'close');
});
