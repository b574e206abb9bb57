/** A host inside a program, as `import { startHost } from 'faasm'` gives it. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startHost } from '../../actors/index.ts';
import { guests, wasm } from '../e2e/_host.ts';

test.serial('startHost() says which Node it needs where a call cannot wait', async (t) => {
  const { Suspending } = WebAssembly;
  Reflect.deleteProperty(WebAssembly, 'Suspending');
  try {
    const { message } = (await t.throwsAsync(startHost()))!;
    t.regex(message, /needs Node 26 or later/);
    t.true(message.includes(process.versions.node));
  } finally {
    WebAssembly.Suspending = Suspending;
  }
});

test.serial(
  'startHost() keeps things in a folder that goes when the host stops, or where it is told',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'faasm-index-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const { TMPDIR } = process.env;
    process.env.TMPDIR = folder;
    try {
      const host = await startHost();
      const during = await readdir(folder);
      await host.stop();
      await host.stop();
      t.is(during.length, 1);
      t.deepEqual(await readdir(folder), []);
      await t.throwsAsync(startHost({ httpPort: 'many' }));
      t.deepEqual(await readdir(folder), []);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
    await (await startHost({ data: join(folder, 'data') })).stop();
    t.true(existsSync(join(folder, 'data/state.db')));
  },
);

test('a host in a program takes functions and calls, by HTTP too, and leaves the process alone', async (t) => {
  const heard = (): number[] =>
    ['SIGINT', 'SIGTERM', 'uncaughtException'].map((name) => process.listenerCount(name));
  const before = heard();
  await using host = await startHost({ hostName: 'mine', logLevel: 'error' });
  t.deepEqual(heard(), before);
  t.is(host.id, 'mine');
  const { live } = await host.upload('demo', 'echo', wasm(guests.echo));
  t.regex(live, /^[0-9a-f]+$/);
  t.is(`${await host.invoke('demo', 'echo', 'hello')}`, 'hello');
  const input = Uint8Array.of(0, 255, 7);
  t.deepEqual([...(await host.invoke('demo', 'echo', input))], [0, 255, 7]);
  t.deepEqual([...input], [0, 255, 7]);
  const answer = await fetch(`${host.url}/f/demo/echo`, { method: 'POST', body: 'by HTTP' });
  t.is(await answer.text(), 'by HTTP');
  t.regex(host.natsUrl, /^nats:\/\/localhost:\d+$/);
});

test('a call of a program fails with the code of its failure, and can be given up', async (t) => {
  await using host = await startHost({ logLevel: 'silent' });
  await host.upload('demo', 'loop', wasm(guests.loop), { args: ['a'] });
  await t.throwsAsync(host.invoke('demo', 'nothing'), { code: 'not_found' });
  await t.throwsAsync(host.invoke('demo', 'bad name'), { code: 'bad_name' });
  await t.throwsAsync(host.invoke('demo', 'loop', '', { timeoutMs: 50 }), { code: 'deadline_exceeded' });
  const giveUp = new AbortController();
  const call = host.invoke('demo', 'loop', '', { signal: giveUp.signal });
  giveUp.abort();
  await t.throwsAsync(call, { code: 'cancelled' });
  await t.throwsAsync(host.invoke('demo', 'loop', '', { signal: giveUp.signal }), { name: 'AbortError' });
});

test('hosts of one process have functions of their own', async (t) => {
  await using one = await startHost();
  await using other = await startHost({ tableMaxElements: 10 });
  await one.upload('demo', 'echo', wasm(guests.echo));
  t.is(`${await one.invoke('demo', 'echo', 'here')}`, 'here');
  await t.throwsAsync(other.invoke('demo', 'echo'), { code: 'not_found' });
});

test('startHost() names a setting that there is not, or that is wrong', async (t) => {
  for (const none of [42, 'x', null])
    await t.throwsAsync(startHost(none as never), { code: 'bad_request', message: /an object of settings/ });
  await t.throwsAsync(startHost({ htpPort: 0 } as object), {
    code: 'bad_request',
    message: 'There is no setting "htpPort"; did you mean httpPort?',
  });
  await t.throwsAsync(startHost({ httpPort: 'many' }), { code: 'bad_request', message: /FAASM_HTTP_PORT/ });
});
