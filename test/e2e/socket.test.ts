/** Calls as frames on a socket. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { toFrame } from '../../src/receive/frames.ts';
import { connectFrames } from './_frames.ts';
import { guests, startTestHost, type TestHost } from './_host.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const on = (more: Record<string, string> = {}) => ({
  FAASM_RECEIVE: 'socket',
  FAASM_SOCKET_LISTEN: '127.0.0.1:0',
  ...more,
});
const echo = { user: 'ada', function: 'echo' };

/** As a process does that is killed. */
async function leaveSocket(path: string): Promise<void> {
  const listen = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', listen, path]), 'exit');
}

async function start(more: Record<string, string> = {}): Promise<TestHost> {
  const at = await startTestHost(on(more));
  await at.put('ada/echo', guests.echo);
  await at.put('ada/loop', guests.loop);
  return at;
}

test('a call on the socket gives its output, matched by id and keys', async (t) => {
  await using at = await start();
  await using client = await connectFrames(at.host.socket!);
  client.send({ ...echo, id: 'one', resultKey: 'r', statusKey: 's', inputData: text('hello') });
  const result = await client.next();
  t.like(result, {
    ...echo,
    id: 'one',
    type: 'CALL',
    resultKey: 'r',
    statusKey: 's',
    success: true,
    returnValue: 0,
  });
  t.is(show(result.outputData), 'hello');
});

test('a failure is a result with its error, and the connection goes on', async (t) => {
  await using at = await start();
  await using client = await connectFrames(at.host.socket!);
  client.send({ user: 'ada', function: 'nobody', id: 'a' });
  t.like(await client.next(), { id: 'a', success: false, error: { code: 'not_found' } });
  client.send({ user: 'a.b', function: 'echo', id: 'b' });
  t.like(await client.next(), { id: 'b', user: 'a.b', success: false, error: { code: 'bad_name' } });
  client.send({ ...echo, id: 'not fit for a subject', inputData: text('still') });
  t.like(await client.next(), { id: 'not fit for a subject', success: true });
  client.socket.write(Uint8Array.of(3, 0xff, 0xff, 0xff));
  t.like(await client.next(), { success: false, error: { code: 'bad_message' } });
  client.send({ ...echo, id: 'c', input: { kind: 'redis', key: 'k' } });
  t.like(await client.next(), { id: 'c', success: false });
  client.send({ ...echo, id: 'd', inputData: text('on') });
  t.is(show((await client.next()).outputData), 'on');
});

test('calls of one connection run beside each other, and a half-closed one gets all its results', async (t) => {
  await using at = await start();
  await using client = await connectFrames(at.host.socket!);
  const count = 500;
  for (let id = 0; id < count; id++) client.send({ ...echo, id: `c${id}`, inputData: text(`${id}`) });
  client.socket.end();
  const results = await client.rest();
  t.is(results.length, count);
  for (const { id, outputData } of results) t.is(show(outputData), id.slice(1));
});

test('an asynchronous call is kept, BIND finds a function, KILL ends a call', async (t) => {
  await using at = await start();
  await using client = await connectFrames(at.host.socket!);
  client.send({ ...echo, id: 'kept', isAsync: true, inputData: text('later') });
  const accepted = await client.next();
  t.like(accepted, { id: 'kept', success: true, isAsync: true });
  const kept = Buffer.from(accepted!.outputData).toString();
  t.regex(kept, /^ada-[\w-]{22}$/);
  let output = await fetch(`${at.url}/calls/${kept}/output`);
  while (!output.ok) output = await fetch(`${at.url}/calls/${kept}/output`);
  t.is(await output.text(), 'later');

  client.send({ ...echo, id: 'bind', type: 'BIND' });
  t.like(await client.next(), { id: 'bind', type: 'BIND', success: true });
  client.send({ user: 'ada', function: 'nobody', id: 'bind2', type: 'BIND' });
  t.like(await client.next(), { id: 'bind2', success: false, error: { code: 'not_found' } });

  client.send({ user: 'ada', function: 'loop', id: 'endless' });
  client.send({ user: 'ada', function: 'loop', id: 'endless', type: 'KILL' });
  const ends = [await client.next(), await client.next()];
  t.like(
    ends.find(({ type }) => type === 'KILL'),
    { success: true },
  );
  t.like(
    ends.find(({ type }) => type === 'CALL'),
    { success: false, error: { code: 'cancelled' } },
  );
});

test('KILL ends a call whose function is being loaded', async (t) => {
  await using at = await start();
  await using client = await connectFrames(at.host.socket!);
  const names = Array.from({ length: 8 }, (_, name) => `cold${name}`);
  for (const name of names) await at.put(`ada/${name}`, guests.loop.replace('1)', `1) (data "${name}")`));
  for (const name of names) {
    client.send({ user: 'ada', function: name, id: name });
    client.send({ user: 'ada', function: name, id: name, type: 'KILL' });
  }
  client.socket.end();
  const ends = (await client.rest()).filter(({ type }) => type === 'CALL');
  t.deepEqual(
    ends.map(({ error }) => error?.code),
    names.map(() => 'cancelled'),
  );
});

test('a client that resets its connection has its calls cancelled', async (t) => {
  await using at = await start();
  const client = await connectFrames(at.host.socket!);
  client.send({ user: 'ada', function: 'loop', id: 'left' });
  client.send({ ...echo, id: 'x' });
  await client.next();
  const logs = await fetch(`${at.url}/logs/ada/loop`);
  client.socket.resetAndDestroy();
  const reader = logs.body!.getReader();
  let said = '';
  while (!said.includes('cancelled')) said += Buffer.from((await reader.read()).value!).toString();
  await reader.cancel();
  t.regex(said, /"cancelled"/);
});

test('a broken frame ends the connection after the calls before it are answered', async (t) => {
  await using at = await start({ FAASM_INPUT_MAX_BYTES: '1000' });
  await using client = await connectFrames(at.host.socket!);
  client.send({ ...echo, id: 'before', inputData: text('x') });
  client.socket.write(Buffer.alloc(10, 0xff));
  const [before, last, ...more] = await client.rest();
  t.is(before?.id, 'before');
  t.like(last, { success: false, error: { code: 'bad_message' } });
  t.deepEqual(more, []);

  await using large = await connectFrames(at.host.socket!);
  large.send({ ...echo, id: 'first' });
  large.socket.write(toFrame({ ...echo, type: 'CALL', inputData: new Uint8Array(100_000) }));
  // Unread bytes behind it do not take the answers back.
  large.socket.write(new Uint8Array(5_000_000));
  t.deepEqual(
    (await large.rest()).map(({ id, error }) => [id, error?.code]),
    [
      ['first', undefined],
      ['', 'too_large'],
    ],
  );
});

test('clients that name their calls alike do not meet, and end only their own', async (t) => {
  await using at = await start();
  await using one = await connectFrames(at.host.socket!);
  await using other = await connectFrames(at.host.socket!);
  one.send({ user: 'ada', function: 'loop', id: '1', resultKey: 'mine' });
  other.send({ ...echo, id: '1', inputData: text('other') });
  t.is(show((await other.next()).outputData), 'other');
  other.send({ user: 'ada', id: '1', type: 'KILL' });
  t.like(await other.next(), { type: 'KILL', id: '1', success: false, error: { code: 'not_found' } });
  one.send({ ...echo, id: '2' });
  t.like(await one.next(), { id: '2', success: true });
  one.send({ user: 'eve', resultKey: 'mine', type: 'KILL' });
  t.like(await one.next(), { type: 'KILL', success: false, error: { code: 'not_found' } });
  one.send({ user: 'ada', resultKey: 'mine', type: 'KILL' });
  const ends = [await one.next(), await one.next()];
  t.like(
    ends.find(({ type }) => type === 'CALL'),
    { id: '1', error: { code: 'cancelled' } },
  );
  one.send({ user: 'ada', type: 'KILL' });
  t.like(await one.next(), { success: false, error: { code: 'bad_message' } });
});

test('a client that does not read is not read from', async (t) => {
  await using at = await start({ FAASM_OUTPUT_MAX_BYTES: '200000', FAASM_INPUT_MAX_BYTES: '200000' });
  await using client = await connectFrames(at.host.socket!);
  client.socket.pause();
  const frame = toFrame({ ...echo, type: 'CALL', inputData: new Uint8Array(100_000) });
  // Nobody takes results, so at some time nothing more is taken here.
  let sent = 0;
  while (client.socket.writableLength < 4_000_000 && sent < 3000) {
    client.socket.write(frame);
    sent++;
    if (sent % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.true(client.socket.writableLength >= 4_000_000, `${sent} calls were taken`);
  client.socket.end();
  t.is((await client.rest()).length, sent);
});

test('there are so many connections at most, and an idle one ends', async (t) => {
  await using at = await start({ FAASM_SOCKET_CONNECTIONS_MAX: '1', FAASM_SOCKET_IDLE_MS: '300' });
  await using first = await connectFrames(at.host.socket!);
  first.send({ ...echo, id: 'a' });
  await first.next();
  await using second = await connectFrames(at.host.socket!);
  t.deepEqual(await second.rest(), []);
  t.deepEqual(await first.rest(), []);
});

test('a connection is not idle while a call is under way, and is afterwards', async (t) => {
  await using at = await start({ FAASM_SOCKET_IDLE_MS: '100' });
  await using client = await connectFrames(at.host.socket!);
  client.send({ user: 'ada', function: 'loop', id: 'a', deadlineMs: Date.now() + 500 });
  t.like(await client.next(), { id: 'a', error: { code: 'deadline_exceeded' } });
  t.deepEqual(await client.rest(), []);
});

test('a stopping host answers what is under way', async (t) => {
  const at = await start();
  await using client = await connectFrames(at.host.socket!);
  await at.put(
    'ada/nap',
    `(module
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (import "env" "__faasm_write_output" (func $output (param i32 i32)))
      (memory (export "memory") 1)
      (data (i32.const 200) "done")
      (func (export "exec") (result i32)
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 2000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
        (call $output (i32.const 200) (i32.const 4))
        (i32.const 0)))`,
  );
  client.send({ ...echo, id: 'a' });
  await client.next();
  client.send({ user: 'ada', function: 'nap', id: 'nap' });
  client.send({ ...echo, id: 'b' });
  const first = await client.next();
  const stopping = at.host.stop();
  const results = [first, ...(await client.rest())];
  t.deepEqual(results.map(({ id }) => id).sort(), ['b', 'nap']);
  t.is(show(results.find(({ id }) => id === 'nap')!.outputData), 'done');
  await stopping;
  await rm(at.data, { recursive: true });
});

test('a Unix socket replaces one that nobody listens at, refuses one in use, and is gone at the end', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-socket-'));
  const path = join(folder, 's');
  const stale = createServer().listen(path);
  await new Promise((resolve) => stale.once('listening', resolve));
  const listen = { FAASM_SOCKET_LISTEN: `unix:${path}` };
  await t.throwsAsync(startTestHost(on(listen)), {
    code: 'conflict',
    message: /Cannot listen at unix:.*--socket-listen/,
  });
  await new Promise((resolve) => stale.close(resolve));
  await writeFile(path, 'mine');
  await t.throwsAsync(startTestHost(on(listen)), { code: 'conflict' });
  t.is(await readFile(path, 'utf8'), 'mine');
  await rm(path);
  await leaveSocket(path);
  {
    await using at = await start(listen);
    await using client = await connectFrames({ path });
    client.send({ ...echo, inputData: text('unix') });
    t.is(show((await client.next()).outputData), 'unix');
    t.deepEqual(at.host.socket, { path });
  }
  t.false(existsSync(path));
  await rm(folder, { recursive: true });
});
