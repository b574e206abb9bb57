/** Calls as frames through standard input and output, and `faasm call`, which makes and reads them. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { toFrame } from '../../src/receive/frames.ts';
import { faasm } from '../cli/_faasm.ts';
import { readFrames } from './_frames.ts';
import { guests, startTestHost } from './_host.ts';

const program = join(import.meta.dirname, '../../actors/faasm.ts');
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const echo = { user: 'ada', function: 'echo', type: 'CALL' } as const;

/** A folder where ada/echo is live. */
async function dataFolder(t: ExecutionContext): Promise<string> {
  const at = await startTestHost();
  await at.put('ada/echo', guests.echo);
  await at.host.stop();
  t.teardown(() => rm(at.data, { recursive: true, force: true }));
  return at.data;
}

const environment = {
  PATH: process.env.PATH,
  FAASM_HTTP_PORT: '0',
  FAASM_UPLOAD_PORT: '0',
  FAASM_NATS_PORT: '0',
};
const receive = (data: string): string[] => [program, 'start', '--receive', 'pipe', '--data', data];

function startPipe(t: ExecutionContext, data: string, more: readonly string[] = []) {
  const child = spawn(process.execPath, [...receive(data), ...more], { env: environment });
  t.teardown(() => child.kill('SIGKILL'));
  const stderr: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (said: string) => stderr.push(said));
  child.stdin.on('error', () => {});
  const exit = once(child, 'close').then(([status]) => status as number | null);
  return { child, exit, results: () => allOf(child), stderr: () => stderr.join('') };
}

async function allOf(child: ChildProcessWithoutNullStreams) {
  const found = [];
  for await (const message of readFrames(child.stdout)) found.push(message);
  return found;
}

test('calls on standard input have their results on standard output, and nothing else is there', async (t) => {
  const { child, exit, results, stderr } = startPipe(t, await dataFolder(t));
  const count = 200;
  for (let id = 0; id < count; id++)
    child.stdin.write(toFrame({ ...echo, id: `${id}`, inputData: text(`in ${id}`) }));
  child.stdin.end();
  const found = await results();
  t.is(found.length, count);
  for (const { id, success, outputData } of found) {
    t.true(success);
    t.is(Buffer.from(outputData).toString(), `in ${id}`);
  }
  t.is(await exit, 0);
  t.regex(stderr(), /Faasm host .* is ready/);
});

test('a broken frame ends it with 1, after the calls before it are answered', async (t) => {
  const { child, exit, results, stderr } = startPipe(t, await dataFolder(t));
  child.stdin.write(toFrame({ ...echo, id: 'a', inputData: text('x') }));
  child.stdin.write(Buffer.alloc(20, 0xff));
  t.deepEqual(
    (await results()).map(({ id }) => id),
    ['a'],
  );
  t.is(await exit, 1);
  t.regex(stderr(), /A frame begins with its length as a varint/);
});

test('an input that ends in the middle of a frame ends it with 1', async (t) => {
  const { child, exit, stderr } = startPipe(t, await dataFolder(t));
  child.stdin.end(toFrame({ ...echo, id: 'a', inputData: text('x') }).subarray(0, 5));
  child.stdout.resume();
  t.is(await exit, 1);
  t.regex(stderr(), /ends in the middle of a frame/);
});

test('when nobody reads the results any more, it ends with 1', async (t) => {
  const { child, exit } = startPipe(t, await dataFolder(t));
  child.stdin.write(toFrame({ ...echo, id: 'a' }));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const timer = setInterval(() => child.stdin.write(toFrame({ ...echo, id: 'b' })), 20);
  t.is(await exit, 1);
  clearInterval(timer);
});

test('a result that nobody can read ends it with 1, also when it is the last', async (t) => {
  const { child, exit, stderr } = startPipe(t, await dataFolder(t));
  child.stdout.destroy();
  child.stdin.end(toFrame({ ...echo, id: 'a', inputData: text('x') }));
  t.is(await exit, 1);
  t.regex(stderr(), /EPIPE/);
});

test('results that nobody reads before a host has to stop end it with 1', async (t) => {
  const { child, exit, stderr } = startPipe(t, await dataFolder(t), ['--drain-timeout-ms', '300']);
  const frame = toFrame({ ...echo, inputData: new Uint8Array(100_000) });
  for (let id = 0; id < 20; id++) child.stdin.write(frame);
  await once(child.stdout, 'readable');
  child.kill('SIGTERM');
  const ended = exit;
  while (!/Results are missing/.test(stderr())) await once(child.stderr, 'data');
  child.stdout.resume();
  t.is(await ended, 1);
});

test('calls are read no further than their results are', async (t) => {
  const { child, exit } = startPipe(t, await dataFolder(t), [
    ...['--input-max-bytes', '200000'],
    ...['--output-max-bytes', '200000'],
  ]);
  const frame = toFrame({ ...echo, inputData: new Uint8Array(100_000) });
  const count = 300;
  for (let id = 0; id < count; id++) child.stdin.write(frame);
  child.stdin.end();
  await once(child.stdout, 'readable');
  // Most of it is here still: pipes and what the host holds are small.
  t.true(child.stdin.writableLength > (count * frame.length) / 2);
  let results = 0;
  for await (const _ of readFrames(child.stdout)) results++;
  t.is(results, count);
  t.is(await exit, 0);
});

test('a signal ends it with 0 when what is under way is answered', async (t) => {
  const { child, exit, results } = startPipe(t, await dataFolder(t));
  child.stdin.write(toFrame({ ...echo, id: 'a' }));
  await once(child.stdout, 'readable');
  child.kill('SIGTERM');
  t.is((await results()).length, 1);
  t.is(await exit, 0);
});

test('faasm call makes the frames and reads the results, in a shell', async (t) => {
  const data = await dataFolder(t);
  const faasmCommand = `${process.execPath} ${program}`;
  const pipeline = (make: string, read: string): string =>
    `${faasmCommand} call ${make} | ${faasmCommand} start --receive pipe --data ${data} 2>/dev/null | ${faasmCommand} call --read ${read}`;
  const shell = async (command: string) => {
    const child = spawn('sh', ['-c', command], { env: environment, cwd: tmpdir() });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (said: string) => (stdout += said));
    child.stderr.resume();
    const [status] = await once(child, 'close');
    return { stdout, status };
  };
  t.deepEqual(await shell(pipeline('ada/echo -d hello', '')), { stdout: 'hello', status: 0 });
  t.deepEqual(await shell(pipeline('ada/echo --id 7 -d hi', '--json')), {
    stdout: '{"id":"7","function":"ada/echo","success":true,"output":"hi","returnValue":0}\n',
    status: 0,
  });
  t.is((await shell(pipeline('ada/nobody', ''))).status, 1);
});

test('faasm call --socket calls a host and gives the output', async (t) => {
  await using at = await startTestHost({ FAASM_RECEIVE: 'socket', FAASM_SOCKET_LISTEN: '127.0.0.1:0' });
  await at.put('ada/echo', guests.echo);
  const { host, port } = at.host.socket as { host: string; port: number };
  const socket = ['--socket', `${host}:${port}`];
  const one = await faasm(['call', 'ada/echo', '-d', 'over TCP', ...socket]);
  t.is(one.stdout.toString(), 'over TCP');
  t.is(one.status, 0);
  const lines = ['{"function":"ada/echo","input":"a","id":"1"}', '', '{"function":"ada/nobody","id":"2"}'];
  const many = await faasm(['call', '--lines', '--json', ...socket], { stdin: lines.join('\n') });
  const results = many.stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.like(
    results.find(({ id }) => id === '1'),
    { success: true, output: 'a' },
  );
  t.like(
    results.find(({ id }) => id === '2'),
    { success: false, error: { code: 'not_found' } },
  );
  t.is(many.status, 1);
});

test('faasm call says what is wrong with what it is given', async (t) => {
  for (const [args, status, said] of [
    [['call'], 2, /a function, --lines or --read/],
    [['call', 'ada/echo', '--read'], 2, /one of them/],
    [['call', 'echo'], 2, /named with its user/],
    [['call', 'ada/echo', '--socket', 'nowhere'], 2, /host:port or unix:/],
    [['call', 'ada/echo', '--socket', '127.0.0.1:1'], 1, /Cannot call at 127.0.0.1:1: .*ECONNREFUSED/],
    [['call', '--lines'], 1, /Line 1 is not JSON/],
    [['call', '--read'], 1, /A frame of|in the middle of a frame|not a result/i],
  ] as const) {
    const ended = await faasm(args, { stdin: 'rubbish' });
    t.is(ended.status, status, args.join(' '));
    t.regex(ended.stderr, said);
  }
});
