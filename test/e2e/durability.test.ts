/** What was acknowledged is there: after a restart, and after the process was killed. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { guests, startTestHost, wasm } from './_host.ts';
import { startHostProcess } from './_process.ts';

test('functions, state and results survive a restart', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/echo', guests.echo);
  await fetch(`${at.url}/s/ada/key`, { method: 'PUT', body: 'value' });
  const accepted = await fetch(`${at.url}/fa/ada/echo`, { method: 'POST', body: 'later' });
  t.is(accepted.status, 202);
  const id = (await accepted.text()).trim();
  await at.restart();
  t.is(await (await at.post('ada/echo', 'again')).text(), 'again');
  t.is(await (await fetch(`${at.url}/s/ada/key`)).text(), 'value');
  t.is(await eventually(`${at.url}/calls/${id}/output`), 'later');
});

test('what was acknowledged survives a kill', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'faasm-killed-'));
  let { process: host, url } = await startHostProcess(data);
  const put = await fetch(`${url}/f/ada/echo`, { method: 'PUT', body: wasm(guests.echo) });
  t.is(put.status, 200);
  const kept: string[] = [];
  const ids: string[] = [];
  // Writes go on while the process is killed: those that were answered count.
  const writing = (async () => {
    for (let at = 0; ; at++) {
      const response = await fetch(`${url}/s/ada/key${at}`, { method: 'PUT', body: `value ${at}` });
      if (response.ok) kept.push(`key${at}`);
      const call = await fetch(`${url}/fa/ada/echo`, { method: 'POST', body: `call ${at}` });
      if (call.status === 202) ids.push((await call.text()).trim());
    }
  })().catch(() => {});
  while (kept.length < 20) await new Promise((resolve) => setTimeout(resolve, 10));
  host.kill('SIGKILL');
  await once(host, 'exit');
  await writing;

  ({ process: host, url } = await startHostProcess(data));
  for (const key of kept) {
    t.is(await (await fetch(`${url}/s/ada/${key}`)).text(), `value ${key.slice(3)}`);
  }
  for (const [at, id] of ids.entries()) t.is(await eventually(`${url}/calls/${id}/output`), `call ${at}`);
  host.kill('SIGTERM');
  const [status] = await once(host, 'exit');
  t.is(status, 0);
  await rm(data, { recursive: true });
});

async function eventually(url: string): Promise<string> {
  for (;;) {
    const response = await fetch(url);
    if (response.ok) return response.text();
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
