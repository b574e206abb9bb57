/** Hosts that share the place where functions are kept. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startNatsServer } from '../_servers/nats-server.ts';
import { startS3Server } from '../_servers/s3-server.ts';
import { guests, startTestHost, type TestHost } from './_host.ts';

const saying = (text: string): string => `(module
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "${text}")
  (func (export "exec") (result i32) (call $output (i32.const 0) (i32.const ${text.length})) (i32.const 0)))`;

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const isReady = (at: TestHost) => fetch(`${at.url}/readyz`).then((response) => response.ok);
const say = async (at: TestHost, name: string) => (await at.post(name)).text();

type Settings = Record<string, string>;
const places: Record<string, (t: ExecutionContext) => Promise<Settings>> = {
  async 'a folder'(t) {
    const folder = await mkdtemp(join(tmpdir(), 'faasm-shared-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    return { FAASM_FUNCTIONS: folder };
  },
  async S3(t) {
    const server = await startS3Server();
    t.teardown(() => server.stop());
    return {
      FAASM_FUNCTIONS: 's3://test/functions',
      FAASM_S3_ENDPOINT: server.endpoint,
      FAASM_S3_ACCESS_KEY: server.accessKey,
      FAASM_S3_SECRET_KEY: server.secretKey,
    };
  },
  async NATS(t) {
    const server = await startNatsServer({ jetstream: true });
    t.teardown(() => server.stop());
    return { FAASM_FUNCTIONS: 'nats://functions', NATS_URL: server.url };
  },
};

for (const [place, settingsOf] of Object.entries(places)) {
  test(`${place}: what one host is given, another one runs, changes and deletes`, async (t) => {
    const settings = await settingsOf(t);
    await using one = await startTestHost(settings);
    await using two = await startTestHost(settings);
    t.is((await two.post('ada/f')).status, 404);
    t.is((await one.put('ada/f', saying('first'))).status, 200);
    await until(async () => (await say(two, 'ada/f')) === 'first');
    t.is((await two.put('ada/f', saying('second'))).status, 200);
    await until(async () => (await say(one, 'ada/f')) === 'second');
    const described = (await (await fetch(`${one.url}/f/ada/f`)).json()) as { versions: unknown[] };
    t.is(described.versions.length, 2);
    t.is((await fetch(`${one.url}/f/ada/f`, { method: 'DELETE' })).status, 204);
    await until(async () => (await two.post('ada/f')).status === 404);
  });

  test(`${place}: hosts that change one function at once lose no version`, async (t) => {
    const settings = await settingsOf(t);
    await using one = await startTestHost(settings);
    await using two = await startTestHost(settings);
    const texts = ['a', 'b', 'c', 'd', 'e', 'f'];
    const put = await Promise.all(
      texts.map((text, at) => (at % 2 === 0 ? one : two).put('ada/f', saying(text))),
    );
    t.deepEqual(
      put.map(({ status }) => status),
      texts.map(() => 200),
    );
    for (const at of [one, two]) {
      await until(async () => {
        const described = (await (await fetch(`${at.url}/f/ada/f`)).json()) as { versions: unknown[] };
        return described.versions.length === texts.length;
      });
    }
    await until(async () => (await say(one, 'ada/f')) === (await say(two, 'ada/f')));
  });
}

test('a host that starts later has all that was there, and its Proto-Faaslets', async (t) => {
  const settings = await places.S3!(t);
  {
    await using one = await startTestHost(settings);
    await one.put('ada/f', saying('kept'));
    await one.put('ada/echo', guests.echo);
  }
  await using two = await startTestHost(settings);
  t.is(await say(two, 'ada/f'), 'kept');
  t.is(await (await two.post('ada/echo', 'x')).text(), 'x');
});

test('S3 that is away at the start is said, and the host is ready when it is there', async (t) => {
  const server = await startS3Server();
  t.teardown(() => server.stop());
  const settings = {
    FAASM_FUNCTIONS: 's3://test',
    FAASM_S3_ENDPOINT: server.endpoint,
    FAASM_S3_ACCESS_KEY: server.accessKey,
    FAASM_S3_SECRET_KEY: server.secretKey,
  };
  await server.pause();
  await using at = await startTestHost(settings);
  t.false(await isReady(at));
  t.regex(await (await fetch(`${at.url}/readyz`)).text(), /functions: S3 at s3:\/\/test\/.*ECONNREFUSED/);
  t.is((await at.post('ada/f')).status, 503);
  t.is((await at.put('ada/f', saying('x'))).status, 503);
  await server.resume();
  await until(() => isReady(at));
  t.is((await at.put('ada/f', saying('x'))).status, 200);
  server.failNext(2);
  t.is((await at.put('ada/f', saying('through'))).status, 200);
  t.is(await say(at, 'ada/f'), 'through');
});

test('wrong credentials for S3 are told apart', async (t) => {
  await using server = await startS3Server();
  await using at = await startTestHost({
    FAASM_FUNCTIONS: 's3://test',
    FAASM_S3_ENDPOINT: server.endpoint,
    FAASM_S3_ACCESS_KEY: server.accessKey,
    FAASM_S3_SECRET_KEY: 'wrong',
  });
  t.regex(await (await fetch(`${at.url}/readyz`)).text(), /correct FAASM_S3_SECRET_KEY/);
});

test('a place that is none is refused', async (t) => {
  for (const [place, said] of [
    ['ftp://x', /FAASM_FUNCTIONS .* is a folder or s3:.*, not "ftp:/],
    ['s3://', /FAASM_FUNCTIONS .* is a folder or s3:.*, not "s3:/],
    ['nats://bucket', /needs NATS_URL/],
  ] as const) {
    await t.throwsAsync(startTestHost({ FAASM_FUNCTIONS: place }), { code: 'bad_request', message: said });
  }
});
