/** What callers see of a disk that is damaged or full. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { flipText } from '../storage/damage.ts';
import { guests, startTestHost } from './_host.ts';

interface Problem {
  readonly code: string;
  readonly detail: string;
}

test('damaged state, files and results are 500 storage_corrupt, counted, and can be written anew', async (t) => {
  await using at = await startTestHost();
  const needle = 'a needle in the haystack';
  await at.put('ada/echo', guests.echo);
  await fetch(`${at.url}/s/ada/key`, { method: 'PUT', body: `${needle} of state` });
  await fetch(`${at.url}/file/ada/lib/a.txt`, { method: 'PUT', body: `${needle} of files` });
  const id = (
    await (await fetch(`${at.url}/fa/ada/echo`, { method: 'POST', body: `${needle} of calls` })).text()
  ).trim();
  while (!(await fetch(`${at.url}/calls/${id}/output`)).ok) await delay(10);
  const version = (await (await fetch(`${at.url}/file/ada/lib/a.txt`)).headers.get('etag'))!.replaceAll(
    '"',
    '',
  );
  await at.host.stop();
  for (const file of ['state.db', 'calls.db', `files/contents/${version}`]) {
    chmodSync(join(at.data, file), 0o600);
    flipText(join(at.data, file), needle);
  }
  await at.start();

  for (const path of ['s/ada/key', 'file/ada/lib/a.txt', `calls/${id}/output`]) {
    const answer = await fetch(`${at.url}/${path}`);
    const { code, detail } = (await answer.json()) as Problem;
    t.deepEqual([answer.status, code], [500, 'storage_corrupt'], path);
    t.false(detail.includes(at.data), detail);
  }
  const metrics = await (await fetch(`${at.url}/metrics`)).text();
  for (const component of ['state', 'files', 'calls']) {
    t.regex(metrics, new RegExp(`faasm_storage_corrupt_total\\{component="${component}"\\} [1-9]`));
  }
  for (const path of ['s/ada/key', 'file/ada/lib/a.txt']) {
    t.true((await fetch(`${at.url}/${path}`, { method: 'PUT', body: `${needle} again` })).ok, path);
    t.is(await (await fetch(`${at.url}/${path}`)).text(), `${needle} again`);
  }
});

test('a shared file whose entry is damaged is 500 storage_corrupt, and can be written anew or deleted', async (t) => {
  await using at = await startTestHost();
  const file = (name: string) => `${at.url}/file/ada/${name}`;
  for (const name of ['again', 'away', 'whole'])
    t.true((await fetch(file(name), { method: 'PUT', body: name })).ok);
  await at.host.stop();
  const entries = join(at.data, 'files/entries/ada');
  for (const entry of readdirSync(entries)) {
    const text = readFileSync(join(entries, entry), 'utf8');
    if (!text.includes('"whole"')) flipText(join(entries, entry), '"path":"a');
  }
  await at.start();
  for (const name of ['again', 'away']) {
    const answer = await fetch(file(name));
    t.deepEqual([answer.status, ((await answer.json()) as Problem).code], [500, 'storage_corrupt']);
  }
  t.is(await (await fetch(file('whole'))).text(), 'whole');
  t.is((await fetch(file('never'))).status, 404);
  t.true((await fetch(file('again'), { method: 'PUT', body: 'anew' })).ok);
  t.is(await (await fetch(file('again'))).text(), 'anew');
  t.true((await fetch(file('away'), { method: 'DELETE' })).ok);
  t.is((await fetch(file('away'))).status, 404);
});

const mount = (folder: string): boolean => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

test('a full disk is named without its paths, gives room to deletes, and is not ready meanwhile', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'faasm-full-'));
  const mounted = mount(folder);
  t.teardown(() => {
    if (mounted) execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  if (!mounted) {
    t.pass('it takes the right to mount a small disk');
    return;
  }
  await using at = await startTestHost({}, folder);
  await at.put('eve/echo', guests.echo);
  const body = new Uint8Array(2 * 1024 * 1024).fill(5);
  const put = (name: string) => fetch(`${at.url}/s/eve/${name}`, { method: 'PUT', body });
  const ready = () => fetch(`${at.url}/readyz`);
  const kept: string[] = [];
  for (let n = 0, isReady = true; isReady; n++) {
    const answer = await put(`b${n}`);
    if (answer.ok) {
      kept.push(`b${n}`);
      continue;
    }
    t.is(answer.status, 503);
    const problem = await answer.text();
    t.regex(problem, /disk is full/);
    t.false(problem.includes(folder), problem);
    const why = await ready();
    isReady = why.ok;
    if (!isReady) t.regex(await why.text(), /disk: the disk is full/);
  }
  t.is(await (await at.post('eve/echo', 'calls go on')).text(), 'calls go on');

  for (const name of kept)
    t.is((await fetch(`${at.url}/s/eve/${name}`, { method: 'DELETE' })).status, 204, name);
  while (!(await ready()).ok) await delay(20);
  while (!(await put('after')).ok) await delay(100);
  t.deepEqual(new Uint8Array(await (await fetch(`${at.url}/s/eve/after`)).arrayBuffer()), body);
});
