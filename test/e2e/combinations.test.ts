/**
 * One function that chains and counts in state, in every combination of a way in, places of input and output, a place
 * for functions and one for state, on real servers.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { connect } from 'nats';
import { decodeMessage, encodeMessage, type Message } from '../../src/calls/message.ts';
import { type Place, showPlace } from '../../src/calls/place.ts';
import { toFrame } from '../../src/receive/frames.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import { openS3Bucket } from '../../src/s3/bucket.ts';
import { createS3Client } from '../../src/s3/client.ts';
import { startNatsServer } from '../_servers/nats-server.ts';
import { startRedisServer } from '../_servers/redis-server.ts';
import { startS3Server } from '../_servers/s3-server.ts';
import { connectFrames, readFrames } from './_frames.ts';
import { startTestHost, wasm } from './_host.ts';

/** Adds 1 to the state "n" under a lock, chains `upper` with its input, and gives the count as a character from "1" on, a colon, and what that gave. */
const root = `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (import "env" "__faasm_lock_state_write" (func $lock (param i32)))
  (import "env" "__faasm_unlock_state_write" (func $unlock (param i32)))
  (import "env" "__faasm_read_state" (func $read (param i32 i32 i32 i32)))
  (import "env" "__faasm_write_state" (func $write (param i32 i32 i32 i32)))
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call_output" (func $await (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "n\\00")
  (data (i32.const 32) "upper\\00")
  (global $heap (mut i32) (i32.const 4096))
  (func (export "malloc") (param i32) (result i32)
    (global.get $heap) (global.set $heap (i32.add (global.get $heap) (local.get 0))))
  (func (export "exec") (result i32) (local $size i32) (local $id i32)
    (local.set $size (call $input (i32.const 1024) (i32.const 1024)))
    (call $lock (i32.const 16))
    (call $read (i32.const 16) (i32.const 0) (i32.const 1) (i32.const 0))
    (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
    (call $write (i32.const 16) (i32.const 0) (i32.const 1) (i32.const 0))
    (call $unlock (i32.const 16))
    (local.set $id (call $chain (i32.const 32) (i32.const 1024) (local.get $size)))
    (if (call $await (local.get $id) (i32.const 64) (i32.const 68)) (then (return (i32.const 1))))
    (i32.store8 (i32.const 2048) (i32.add (i32.const 48) (i32.load8_u (i32.const 0))))
    (i32.store8 (i32.const 2049) (i32.const 58))
    (memory.copy (i32.const 2050) (i32.load (i32.const 64)) (i32.load (i32.const 68)))
    (call $output (i32.const 2048) (i32.add (i32.const 2) (i32.load (i32.const 68))))
    (i32.const 0)))`;

const upper = `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "exec") (result i32) (local $size i32) (local $at i32)
    (local.set $size (call $input (i32.const 0) (i32.const 1024)))
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $size)) (then
        (i32.store8 (local.get $at) (i32.sub (i32.load8_u (local.get $at)) (i32.const 32)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))
    (call $output (i32.const 0) (local.get $size))
    (i32.const 0)))`;

const receives = ['HTTP', 'NATS', 'redis', 'socket', 'pipe'] as const;
const places = ['inline', 'redis', 's3'] as const;
const functionPlaces = ['folder', 's3', 'nats'] as const;
const states = ['sqlite', 'redis'] as const;

const nats = await startNatsServer({ jetstream: true });
const redisServer = await startRedisServer();
const s3 = await startS3Server();
const redis = await connectRedis({ url: redisServer.url, name: 'test', blocking: true, onChange: () => {} });
const client = await createS3Client({ ...s3, region: 'us-east-1' });
const bucket = await openS3Bucket(client, 'test');
const natsClient = await connect({ servers: nats.url });
test.after.always(async () => {
  await natsClient.close();
  redis.close();
  client.destroy();
  await Promise.all([nats.stop(), redisServer.stop(), s3.stop()]);
});

const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString();

let calls = 0;

/** Puts the input where it is to be, makes the call, and gets the output from where it was to go. */
async function through(kind: (typeof places)[number], make: (message: Partial<Message>) => Promise<Message>) {
  const id = `in-${++calls}`;
  const input = Buffer.from('hello');
  const place = (key: string): Place =>
    kind === 'inline'
      ? { kind }
      : kind === 'redis'
        ? { kind, key: `data:${key}` }
        : { kind, bucket: 'test', key: `data/${key}` };
  const [from, to] = [place(id), place(`${id}-out`)];
  if (kind === 'redis') await redis.run((one) => one.set(`data:${id}`, input));
  if (kind === 's3') await bucket.put(`data/${id}`, input);
  const inputData = kind === 'inline' ? input : new Uint8Array(0);
  const result = await make({
    user: 'ada',
    function: 'root',
    type: 'CALL',
    id,
    inputData,
    input: from,
    output: to,
  });
  if (kind !== 'inline' && result.outputData.length > 0) throw new Error('the output is inline too');
  if (kind === 'redis') return text(await redis.run((one) => one.getBuffer(`data:${id}-out`)));
  if (kind === 's3') return text((await bucket.get(`data/${id}-out`))?.bytes);
  return text(result.outputData);
}

const shown = ({ input, output }: Partial<Message>): Record<string, string> => ({
  ...(input !== undefined && input.kind !== 'inline' && { 'Faasm-Input': showPlace(input) }),
  ...(output !== undefined && output.kind !== 'inline' && { 'Faasm-Output': showPlace(output) }),
});

for (const functions of functionPlaces) {
  for (const state of states) {
    test(`functions in ${functions}, state in ${state}: every way in, with input and output everywhere`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'faasm-combination-'));
      t.teardown(() => rm(folder, { recursive: true, force: true }));
      const name = `${functions}-${state}`;
      const settings = {
        FAASM_FUNCTIONS: { folder, s3: `s3://test/${name}`, nats: `nats://${name}` }[functions],
        FAASM_STATE: state,
        FAASM_PREFIX: name,
        FAASM_REDIS_URL: redisServer.url,
        FAASM_REDIS_KEY: `calls-${name}`,
        FAASM_S3_ENDPOINT: s3.endpoint,
        FAASM_S3_ACCESS_KEY: s3.accessKey,
        FAASM_S3_SECRET_KEY: s3.secretKey,
        FAASM_GRANTS: '{"ada": ["s3://test/data/", "redis:data:"]}',
        NATS_URL: nats.url,
      };
      const receive = { FAASM_RECEIVE: 'redis,socket', FAASM_SOCKET_LISTEN: '127.0.0.1:0' };
      await using at = await startTestHost({ ...settings, ...receive });
      t.is((await at.put('ada/root', root)).status, 200);
      t.is((await at.put('ada/upper', upper)).status, 200);

      const ways: Record<(typeof receives)[number], (message: Partial<Message>) => Promise<Message>> = {
        async HTTP(message) {
          const headers = Object.entries(shown(message)).map(([key, value]) => [`X-${key}`, value]);
          const body = new Uint8Array(message.inputData!);
          const answer = await at.post('ada/root', body, headers as [string, string][]);
          if (!answer.ok) throw new Error(await answer.text());
          return { outputData: new Uint8Array(await answer.arrayBuffer()) } as Message;
        },
        async NATS(message) {
          const { headers: createHeaders } = await import('nats');
          const headers = createHeaders();
          for (const [key, value] of Object.entries(shown(message))) headers.set(key, value);
          const answer = await natsClient.request(`${name}.invoke.ada.root`, message.inputData, {
            headers,
            timeout: 20_000,
          });
          return { outputData: answer.data } as Message;
        },
        async redis(message) {
          const resultKey = `result-${message.id}`;
          const bytes = Buffer.from(encodeMessage({ ...message, resultKey }));
          await redis.run((one) => one.rpush(`calls-${name}`, bytes));
          const [, result] = (await redis.run((one) => one.blpopBuffer(resultKey, 20)))!;
          return decodeMessage(result!, 'result');
        },
        async socket(message) {
          await using frames = await connectFrames(at.host.socket!);
          frames.send(message);
          return await frames.next();
        },
        async pipe(message) {
          const program = join(import.meta.dirname, '../../actors/faasm.ts');
          const ports = { FAASM_HTTP_PORT: '0', FAASM_UPLOAD_PORT: '0' };
          const data = await mkdtemp(join(tmpdir(), 'faasm-pipe-'));
          const child = spawn(process.execPath, [program, 'start', '--receive', 'pipe', '--data', data], {
            env: { PATH: process.env.PATH, ...settings, ...ports, FAASM_STATE: 'redis' },
            stdio: ['pipe', 'pipe', 'ignore'],
          });
          try {
            child.stdin.end(toFrame(message));
            for await (const result of readFrames(child.stdout)) return result;
            throw new Error('no result');
          } finally {
            child.kill('SIGKILL');
            await rm(data, { recursive: true, force: true });
          }
        },
      };
      let count = 0;
      for (const way of receives) {
        // A host of its own, which shares no state in SQLite.
        if (way === 'pipe' && state === 'sqlite') continue;
        for (const place of places)
          t.is(
            await through(place, ways[way]),
            `${String.fromCharCode(48 + ++count)}:HELLO`,
            `${way}, ${place}`,
          );
      }
    });
  }
}

test('input and output elsewhere: what is refused, and how', async (t) => {
  await using at = await startTestHost({
    FAASM_REDIS_URL: redisServer.url,
    FAASM_S3_ENDPOINT: s3.endpoint,
    FAASM_S3_ACCESS_KEY: s3.accessKey,
    FAASM_S3_SECRET_KEY: s3.secretKey,
    FAASM_GRANTS: '{"ada": ["s3://test/data/", "redis:data:"]}',
    FAASM_INPUT_MAX_BYTES: '1000',
  });
  await at.put('ada/upper', upper);
  await at.put('bob/upper', upper);
  await bucket.put('data/large', new Uint8Array(1001));
  await redis.run((one) => one.set('data:large', Buffer.alloc(1001)));
  for (const [name, headers, status, said] of [
    ['bob/upper', { 'X-Faasm-Input': 's3://test/data/x' }, 403, /User bob may not use s3:\/\/test\/data\/x/],
    ['ada/upper', { 'X-Faasm-Input': 's3://other/x' }, 403, /grant it in FAASM_GRANTS/],
    ['ada/upper', { 'X-Faasm-Output': 'redis:secret' }, 403, /may not use redis:secret/],
    ['ada/upper', { 'X-Faasm-Input': 's3://test/data/../x' }, 400, /without . and ../],
    ['ada/upper', { 'X-Faasm-Input': 'ftp://x' }, 400, /redis:key or s3:/],
    [
      'ada/upper',
      { 'X-Faasm-Input': 's3://test/data/none' },
      404,
      /The input s3:\/\/test\/data\/none is not there/,
    ],
    ['ada/upper', { 'X-Faasm-Input': 'redis:data:none' }, 404, /is not there/],
    ['ada/upper', { 'X-Faasm-Input': 's3://test/data/large' }, 413, /raise FAASM_INPUT_MAX_BYTES/],
    ['ada/upper', { 'X-Faasm-Input': 'redis:data:large' }, 413, /has 1001 bytes and may have 1000/],
  ] as const) {
    const answer = await at.post(name, '', headers);
    t.is(answer.status, status, JSON.stringify(headers));
    t.regex(await answer.text(), said);
  }
  const both = await at.post('ada/upper', 'body', { 'X-Faasm-Input': 's3://test/data/large' });
  t.is(both.status, 400);
});

test('an asynchronous call has its input and output elsewhere too, and a failed one writes no output', async (t) => {
  await using at = await startTestHost({
    FAASM_S3_ENDPOINT: s3.endpoint,
    FAASM_S3_ACCESS_KEY: s3.accessKey,
    FAASM_S3_SECRET_KEY: s3.secretKey,
    FAASM_GRANTS: '{"*": ["s3://test/{user}/"]}',
  });
  await at.put('ada/upper', upper);
  await at.put(
    'ada/trap',
    wasm('(module (memory (export "memory") 1) (func (export "exec") (result i32) unreachable))'),
  );
  await bucket.put('ada/in', Buffer.from('later'));
  const headers = { 'X-Faasm-Input': 's3://test/ada/in', 'X-Faasm-Output': 's3://test/ada/out' };
  const accepted = await fetch(`${at.url}/fa/ada/upper`, { method: 'POST', headers });
  t.is(accepted.status, 202);
  let found = await bucket.get('ada/out');
  while (found === undefined) found = await bucket.get('ada/out');
  t.is(text(found.bytes), 'LATER');
  const failed = await at.post('ada/trap', '', { ...headers, 'X-Faasm-Output': 's3://test/ada/none' });
  t.is(failed.status, 500);
  t.is(await bucket.get('ada/none'), undefined);
  const done = await at.post('ada/upper', '', headers);
  t.is(done.headers.get('x-faasm-output'), 's3://test/ada/out');
});
