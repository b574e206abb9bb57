import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { toPieces } from '../../src/http/upload.ts';
import { exchangeRaw, startBridge, streamOf, until } from './_bridge.ts';
import { answerState } from './_state.ts';

const MiB = 1024 * 1024;

async function startState(...args: Parameters<typeof startBridge>) {
  const parts = await startBridge(...args);
  return { ...parts, state: answerState(parts.bus) };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('a value that was put is got, told of and deleted', async (t) => {
  const { fetch, fetchUpload } = await startState(t);
  const put = await fetchUpload('/s/demo/a%2Fb', { method: 'PUT', body: 'value' });
  t.is(put.status, 204);
  t.is(put.headers.get('etag'), '"1"');
  const got = await fetch('/s/demo/a%2fb/');
  t.is(await got.text(), 'value');
  t.is(got.headers.get('etag'), '"1"');
  t.is(got.headers.get('accept-ranges'), 'bytes');
  const head = await fetch('/s/demo/a%2Fb', { method: 'HEAD' });
  t.is(head.headers.get('content-length'), '5');
  t.is(await head.text(), '');
  t.deepEqual(await (await fetch('/s/demo')).json(), [
    { key: 'a/b', path: '/s/demo/a%2Fb', sizeBytes: 5, version: 1 },
  ]);
  t.is((await fetch('/s/demo/a%2Fb', { method: 'DELETE' })).status, 204);
  t.is((await fetch('/s/demo/a%2Fb')).status, 404);
  t.is((await fetch('/s/demo/a%2Fb', { method: 'HEAD' })).status, 404);
});

test('a key that is no text is listed by its path', async (t) => {
  const { fetch } = await startState(t);
  await fetch('/s/demo/%FF%00', { method: 'PUT', body: '' });
  const [listed] = (await (await fetch('/s/demo/')).json()) as { key: null; path: string }[];
  t.is(listed!.key, null);
  const got = await fetch(listed!.path);
  t.is(got.status, 200);
  t.is(await got.text(), '');
});

for (const count of [0, 499, 500, 501, 1000, 1201]) {
  test(`GET /s/<user> lists all of ${count} keys`, async (t) => {
    const { fetch, state } = await startState(t);
    const names = Array.from({ length: count }, (_, at) => `k${String(at).padStart(5, '0')}`);
    for (const [at, name] of names.entries())
      state.values.set(`demo/${name}`, { bytes: Buffer.alloc(1), version: at });
    const listed = (await (await fetch('/s/demo')).json()) as { key: string }[];
    t.deepEqual(
      listed.map(({ key }) => key),
      names,
    );
  });
}

test('POST sets as curl -d does, and appends when asked', async (t) => {
  const { fetch, state } = await startState(t);
  await fetch('/s/demo/k', { method: 'POST', body: 'one' });
  await fetch('/s/demo/k?append', { method: 'POST', body: ' two' });
  const patched = await fetch('/s/demo/k', { method: 'PATCH', body: ' three' });
  t.is(patched.headers.get('etag'), '"3"');
  t.is(state.values.get('demo/k')!.bytes.toString(), 'one two three');
  const refused = await fetch('/s/demo/k', { method: 'PATCH', body: Buffer.alloc(2 * MiB) });
  t.is(refused.status, 413);
});

const sizes = test.macro<[string, number, boolean]>({
  async exec(t, _, size, chunked) {
    const { fetch, state } = await startState(t);
    const value = randomBytes(size);
    const body = chunked ? streamOf(value.subarray(0, size >> 1), value.subarray(size >> 1)) : value;
    t.is((await fetch('/s/demo/k', { method: 'PUT', body: body as BodyInit })).status, 204);
    t.true(state.values.get('demo/k')!.bytes.equals(value));
    t.true(state.seen.every(({ bytes }) => bytes <= MiB));
    t.is(state.seen.length, Math.max(1, Math.ceil(size / MiB)));
    const got = await fetch('/s/demo/k');
    t.is(got.headers.get('content-length'), String(size));
    t.is(sha256(Buffer.from(await got.arrayBuffer())), sha256(value));
  },
  title: (_, name, __, chunked) => `PUT and GET of ${name}${chunked ? ', with no length said' : ''}`,
});

for (const chunked of [false, true]) {
  test(sizes, 'nothing', 0, chunked);
  test(sizes, 'a piece', MiB, chunked);
  test(sizes, 'a piece and a byte', MiB + 1, chunked);
  test(sizes, 'two pieces', 2 * MiB, chunked);
  test(sizes, '20 MiB', 20 * MiB, chunked);
}

test('a large upload waits for the state actor: it is not read ahead', async (t) => {
  const { port, state } = await startState(t);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  state.before = () => held;
  const size = 40 * MiB;
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(`PUT /s/demo/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
  socket.write(Buffer.alloc(size));
  await until(() => state.seen.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(state.seen.length, 1);
  t.true(socket.writableLength > 0);
  release();
  socket.resume();
  await new Promise((resolve) => socket.on('close', resolve));
  t.is(state.values.get('demo/k')!.bytes.length, size);
});

test('a large download waits for its reader', async (t) => {
  const { port, state } = await startState(t);
  const size = 64 * MiB;
  state.values.set('demo/k', { bytes: Buffer.alloc(size), version: 1 });
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /s/demo/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await until(() => state.seen.length > 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.true(state.seen.length < 40, `${state.seen.length} pieces were asked for`);
  let got = 0;
  socket.on('data', (data) => (got += data.length));
  await new Promise((resolve) => socket.on('close', resolve));
  t.true(got > size);
});

test('a download nobody reads is given up', async (t) => {
  const { port, state } = await startState(t, { stallTimeoutMs: 50 });
  state.values.set('demo/k', { bytes: Buffer.alloc(64 * MiB), version: 1 });
  const socket = connect(port, '127.0.0.1');
  const ended = new Promise<void>((resolve) => {
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
  socket.write('GET /s/demo/k HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => state.seen.length > 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const asked = state.seen.length;
  socket.resume();
  await ended;
  t.is(state.seen.length, asked);
});

test('a download breaks off when the value changes meanwhile', async (t) => {
  const { fetch, state } = await startState(t);
  state.values.set('demo/k', { bytes: Buffer.alloc(3 * MiB), version: 1 });
  let gets = 0;
  state.before = () => {
    if (++gets === 2) state.values.get('demo/k')!.version++;
  };
  const got = await fetch('/s/demo/k');
  t.is(got.status, 200);
  await t.throwsAsync(got.arrayBuffer());
});

test('an upload that fails is answered, and nothing is seen of it', async (t) => {
  const { fetch, state } = await startState(t);
  let sets = 0;
  state.before = (op) => {
    if (op === 'set' && ++sets === 2) throw new FaasmError('storage_unavailable', 'The disk is full');
  };
  const answer = await fetch('/s/demo/k', { method: 'PUT', body: Buffer.alloc(5 * MiB) });
  t.is(answer.status, 503);
  t.is(state.values.size, 0);
  t.is((await fetch('/healthz')).status, 200);
});

test('a client that leaves in the middle of an upload leaves no value', async (t) => {
  const { port, state } = await startState(t);
  const socket = connect(port, '127.0.0.1');
  socket.write('PUT /s/demo/k HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n');
  socket.write(Buffer.alloc(3 * MiB));
  await until(() => state.seen.length >= 2);
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(state.values.size, 0);
});

const tooLarge = test.macro<[string, () => RequestInit]>({
  async exec(t, _, init) {
    const { fetch, state } = await startState(t, { stateMaxBytes: 2 * MiB });
    const answer = await fetch('/s/demo/k', { method: 'PUT', ...init() });
    t.is(answer.status, 413);
    const { code, detail } = (await answer.json()) as { code: string; detail: string };
    t.is(code, 'too_large');
    t.regex(detail, /raise FAASM_STATE_MAX_BYTES$/);
    t.is(state.values.size, 0);
  },
  title: (_, name) => `PUT /s/ refuses ${name}`,
});

test(tooLarge, 'a length over the limit', () => ({ body: Buffer.alloc(2 * MiB + 1) }));
test(tooLarge, 'a stream over the limit', () => ({ body: streamOf(Buffer.alloc(2 * MiB), Buffer.alloc(1)) }));
test(tooLarge, 'a slice that ends over the limit', () => ({
  body: 'x',
  headers: { 'Content-Range': `bytes ${2 * MiB}-${2 * MiB}/*` },
}));

test('Range gives a part, also one of many pieces', async (t) => {
  const { fetch, state } = await startState(t);
  const value = randomBytes(5 * MiB);
  state.values.set('demo/k', { bytes: value, version: 7 });
  const part = async (range: string, headers: Record<string, string> = {}) => {
    const answer = await fetch('/s/demo/k', { headers: { Range: range, ...headers } });
    return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  const small = await part('bytes=10-19');
  t.is(small.answer.status, 206);
  t.is(small.answer.headers.get('content-range'), `bytes 10-19/${5 * MiB}`);
  t.true(small.bytes.equals(value.subarray(10, 20)));
  const large = await part('bytes=100-');
  t.is(large.answer.headers.get('content-range'), `bytes 100-${5 * MiB - 1}/${5 * MiB}`);
  t.true(large.bytes.equals(value.subarray(100)));
  t.true((await part('bytes=-7')).bytes.equals(value.subarray(-7)));
  const beyond = await part(`bytes=${5 * MiB}-`);
  t.is(beyond.answer.status, 416);
  t.is(beyond.answer.headers.get('content-range'), `bytes */${5 * MiB}`);
  t.is((await part('bytes=0-1', { 'If-Range': '"7"' })).answer.status, 206);
  t.is((await part('bytes=0-1', { 'If-Range': '"6"' })).answer.status, 200);
  t.is((await part('bytes=0-1', { 'If-Range': 'Sun, 22 Nov 2026 22:00:00 GMT' })).answer.status, 200);
  t.is((await part('bytes=0-1,3-4')).answer.status, 200);
});

test('Content-Range writes a part, also one of many pieces, and extends the value', async (t) => {
  const { fetch, state } = await startState(t);
  state.values.set('demo/k', { bytes: Buffer.from('0123456789'), version: 7 });
  const put = async (range: string, body: BodyInit, headers: Record<string, string> = {}) =>
    (await fetch('/s/demo/k', { method: 'PUT', body, headers: { 'Content-Range': range, ...headers } }))
      .status;
  t.is(await put('bytes 2-4/10', 'abc'), 204);
  t.is(state.values.get('demo/k')!.bytes.toString(), '01abc56789');
  t.is(await put('bytes 2-4/10', 'ab'), 400);
  t.is(await put('bytes 2-4/10', 'abcd'), 413);
  t.is(await put('bytes 4-2/10', 'abc'), 400);
  t.is(await put('bytes 0-0/*', 'x', { 'If-Match': '"77"' }), 412);
  const part = randomBytes(3 * MiB);
  const version = `"${state.values.get('demo/k')!.version}"`;
  t.is(await put(`bytes 8-${8 + part.length - 1}/*`, part, { 'If-Match': version }), 204);
  t.true(state.values.get('demo/k')!.bytes.equals(Buffer.concat([Buffer.from('01abc567'), part])));
});

test('a slice of many pieces stops when somebody else writes in between', async (t) => {
  const { fetch, state } = await startState(t);
  let sets = 0;
  state.before = () => {
    if (++sets === 2) state.values.get('demo/k')!.version = 99;
  };
  const headers = { 'Content-Range': `bytes 0-${2 * MiB - 1}/*` };
  t.is((await fetch('/s/demo/k', { method: 'PUT', body: Buffer.alloc(2 * MiB), headers })).status, 412);
});

const conditional = test.macro<[string, Record<string, string>, number]>({
  async exec(t, method, headers, status) {
    const { fetch, state } = await startState(t);
    state.values.set('demo/k', { bytes: Buffer.from('value'), version: 7 });
    const body = method === 'PUT' ? { body: Buffer.alloc(2 * MiB) } : {};
    const answer = await fetch('/s/demo/k', { method, headers, ...body });
    t.is(answer.status, status);
    if (status === 304) t.is(answer.headers.get('etag'), '"7"');
  },
  title: (_, method, headers, status) => `${method} /s/ with ${JSON.stringify(headers)}: ${status}`,
});

test(conditional, 'GET', { 'If-None-Match': '"7"' }, 304);
test(conditional, 'HEAD', { 'If-None-Match': '"7"' }, 304);
test(conditional, 'GET', { 'If-None-Match': '"6"' }, 200);
test(conditional, 'GET', { 'If-Match': '"6"' }, 412);
test(conditional, 'GET', { 'If-Match': '"6"', Range: 'bytes=0-0' }, 412);
test(conditional, 'PUT', { 'If-Match': '"7"' }, 204);
test(conditional, 'PUT', { 'If-Match': '"6"' }, 412);
test(conditional, 'PUT', { 'If-Match': '"6", "7"' }, 204);
test(conditional, 'PUT', { 'If-Match': '"no number"' }, 412);
test(conditional, 'PUT', { 'If-Match': '*' }, 204);
test(conditional, 'PUT', { 'If-None-Match': '*' }, 412);
test(conditional, 'PUT', { 'If-None-Match': '"7"' }, 400);
test(conditional, 'DELETE', { 'If-Match': '"6"' }, 412);
test(conditional, 'DELETE', { 'If-Match': '"7"' }, 204);

test('two values on one connection do not mix', async (t) => {
  const { port, state } = await startState(t);
  state.values.set('demo/a', { bytes: Buffer.from('first'), version: 1 });
  state.values.set('demo/b', { bytes: Buffer.from('second'), version: 2 });
  const answer = await exchangeRaw(
    port,
    'GET /s/demo/a HTTP/1.1\r\nHost: x\r\n\r\nGET /s/demo/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  t.regex(answer, /^HTTP\/1\.1 200[\s\S]*\r\n\r\nfirstHTTP\/1\.1 200[\s\S]*\r\n\r\nsecond$/);
});

test('toPieces() cuts any stream into equal pieces that are the stream again', async (t) => {
  let seed = 4711;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  for (let round = 0; round < 200; round++) {
    const chunks = Array.from({ length: random(6) }, () => randomBytes(random(40)));
    const pieceBytes = 1 + random(30);
    const pieces: { offset: number; bytes: Uint8Array; last: boolean }[] = [];
    const source = (async function* () {
      yield* chunks;
    })();
    for await (const piece of toPieces(source, pieceBytes, { maxBytes: 1000 })) pieces.push(piece);
    t.deepEqual(Buffer.concat(pieces.map(({ bytes }) => bytes)), Buffer.concat(chunks));
    t.true(pieces.slice(0, -1).every(({ bytes, last }) => bytes.length === pieceBytes && !last));
    t.true(pieces.at(-1)!.last && (pieces.length === 1 || pieces.at(-1)!.bytes.length > 0));
    t.true(pieces.every(({ offset }, at) => offset === at * pieceBytes));
  }
});
