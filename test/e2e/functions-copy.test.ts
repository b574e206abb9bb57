import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startNatsServer } from '../_servers/nats-server.ts';
import { startS3Server } from '../_servers/s3-server.ts';
import { faasm } from '../cli/_faasm.ts';
import { guests, startTestHost } from './_host.ts';

test('faasm functions copy moves functions from a folder to S3, to NATS, and into a folder again', async (t) => {
  await using s3 = await startS3Server();
  await using nats = await startNatsServer({ jetstream: true });
  const folder = await mkdtemp(join(tmpdir(), 'faasm-copy-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const environment = {
    FAASM_S3_ENDPOINT: s3.endpoint,
    FAASM_S3_ACCESS_KEY: s3.accessKey,
    FAASM_S3_SECRET_KEY: s3.secretKey,
    NATS_URL: nats.url,
  };
  const [start, end] = [join(folder, 'start'), join(folder, 'end')];
  {
    await using at = await startTestHost({ FAASM_FUNCTIONS: start });
    await at.put('ada/echo', guests.echo);
    await at.put('ada/echo', guests.loop);
    await at.put('ada/echo', guests.echo, { 'X-Faasm-Env': 'A=b' });
    await at.put('bob/echo', guests.echo);
  }
  const copy = (from: string, to: string, ...more: string[]) =>
    faasm(['functions', 'copy', '--from', from, '--to', to, ...more], { environment });
  const first = await copy(start, 's3://test/f');
  t.is(first.status, 0, first.stderr);
  t.deepEqual(first.stdout.toString().trim().split('\n').sort(), ['ada/echo: copied', 'bob/echo: copied']);
  const again = await copy(start, 's3://test/f');
  t.deepEqual(again.stdout.toString().trim().split('\n').sort(), [
    'ada/echo: there already',
    'bob/echo: there already',
  ]);
  t.is((await copy('s3://test/f', 'nats://copied')).status, 0);
  const one = await copy('nats://copied', end, 'ada');
  t.is(one.stdout.toString(), 'ada/echo: copied\n');

  await using at = await startTestHost({ FAASM_FUNCTIONS: end });
  t.is(await (await at.post('ada/echo', 'moved')).text(), 'moved');
  t.is((await at.post('bob/echo')).status, 404);
  const described = (await (await fetch(`${at.url}/f/ada/echo`)).json()) as { versions: unknown[] };
  t.is(described.versions.length, 3);
});

test('faasm functions copy says what it could not copy, copies the others, and ends with 1', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-copy-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const start = join(folder, 'start');
  {
    await using at = await startTestHost({ FAASM_FUNCTIONS: start });
    await at.put('ada/echo', guests.echo);
    await at.put('ada/loop', guests.loop);
  }
  const description = await readFile(join(start, 'users/ada/loop.json'), 'utf8');
  const { live } = JSON.parse(description) as { live: string };
  await writeFile(join(start, 'modules', `${live}.wasm`), 'damaged');
  const ended = await faasm(['functions', 'copy', '--from', start, '--to', join(folder, 'end')]);
  t.is(ended.status, 1);
  t.is(ended.stdout.toString(), 'ada/echo: copied\n');
  t.regex(ended.stderr, /ada\/loop: .* is damaged/);
  t.regex(ended.stderr, /1 of 2 functions are at/);
});

test('faasm functions copy says what is wrong with what it is given', async (t) => {
  for (const [args, status, said] of [
    [[], 2, /--from and --to/],
    [['--from', 'ftp://x', '--to', '/tmp/x'], 2, /--from is a folder or s3:.*, not "ftp:/],
    [['--from', 'nats://x', '--to', '/tmp/x'], 1, /needs NATS_URL/],
  ] as const) {
    const ended = await faasm(['functions', 'copy', ...args]);
    t.is(ended.status, status);
    t.regex(ended.stderr, said);
  }
});
