/** A host that is killed again and again: which calls are blamed for it. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { readBegun } from '../../src/calls/begun-marks.ts';
import { guests, wasm } from './_host.ts';
import { startHostProcess } from './_process.ts';

const crashes = 5;

test('a call that is there at each crash is dead after its attempts, and those behind it are not blamed', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'faasm-crashes-'));
  t.teardown(() => rm(data, { recursive: true, force: true }));
  const start = () => startHostProcess(data, ['--executors-max', '1', '--executors-spare', '1']);
  let host = await start();
  const put = (name: string, wat: string) =>
    fetch(`${host.url}/f/ada/${name}`, { method: 'PUT', body: wasm(wat) });
  t.is((await put('loop', guests.loop)).status, 200);
  t.is((await put('echo', guests.echo)).status, 200);
  const submit = async (name: string, body: string): Promise<string> =>
    (await (await fetch(`${host.url}/fa/ada/${name}`, { method: 'POST', body })).text()).trim();
  const poison = await submit('loop', '');
  const others: string[] = [];
  for (let at = 0; at < 100; at++) others.push(await submit('echo', `call ${at}`));

  for (let attempt = 1; attempt <= crashes; attempt++) {
    const hasBegun = async () =>
      (await readBegun(join(data, 'begun-calls'))).some(
        (one) => one.id === poison && one.attempt === attempt,
      );
    while (!(await hasBegun())) await delay(10);
    host.process.kill('SIGKILL');
    await once(host.process, 'exit');
    host = await start();
  }

  const status = async (id: string) =>
    (await (await fetch(`${host.url}/calls/${id}`)).json()) as { state: string; attempts: number };
  let blamed = 0;
  for (const id of others) {
    while (!['succeeded', 'dead', 'failed'].includes((await status(id)).state)) await delay(10);
    const { state, attempts } = await status(id);
    t.is(state, 'succeeded');
    if (attempts > 1) blamed++;
  }
  // At each crash the one executor may have been inside one of them, before the loop came.
  t.true(blamed <= crashes, `${blamed}`);
  const { state, attempts } = await status(poison);
  t.deepEqual([state, attempts], ['dead', crashes]);
  host.process.kill('SIGTERM');
  t.deepEqual(await once(host.process, 'exit'), [0, null]);
});
