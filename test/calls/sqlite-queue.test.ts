import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { type CallId, toCallId } from '../../proto/names.ts';
import { openSqliteCallQueue } from '../../src/calls/sqlite-queue.ts';
import { callQueueContract, newCall } from '../_contracts/call-queue.ts';

const folder = mkdtempSync(join(tmpdir(), 'faasm-calls-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const nextFile = () => join(folder, `${++files}.db`);

callQueueContract(test, 'SQLite', () => openSqliteCallQueue(nextFile()));

test('SQLite: calls and their keys are there after a restart', async (t) => {
  const file = nextFile();
  const first = await openSqliteCallQueue(file);
  await first.enqueue(newCall('c1', { dedupeKey: 'key' }));
  await first.claim('c1' as CallId, 5);
  await first.close();
  const second = await openSqliteCallQueue(file);
  t.deepEqual(
    (await second.recover([{ id: 'c1' as CallId, attempt: 1 }])).map(({ id, attempts }) => [id, attempts]),
    [['c1' as CallId, 1]],
  );
  t.false((await second.enqueue(newCall('c2', { dedupeKey: 'key' }))).isNew);
  t.is((await second.claim('c1' as CallId, 6))?.attempts, 2);
  await second.close();
});

test('SQLite: calls that an older release has kept are run, with ids that name their user', async (t) => {
  const file = nextFile();
  const first = await openSqliteCallQueue(file);
  await first.enqueue(newCall('c1'));
  await first.close();
  const db = new DatabaseSync(file);
  for (const column of ['given', 'inputPlace', 'outputPlace', 'request', 'fingerprint'])
    db.exec(`ALTER TABLE call DROP COLUMN ${column}`);
  for (const table of ['call', 'input', 'output']) db.exec(`ALTER TABLE ${table} DROP COLUMN sum`);
  db.exec('DROP TABLE store');
  db.exec('PRAGMA user_version = 1');
  db.close();
  const second = await openSqliteCallQueue(file);
  const [pending] = await second.recover([]);
  t.is(toCallId(pending!.id, pending!.user), pending!.id);
  t.like(await second.claim(pending!.id, 5), { given: null, input: newCall('c1').input });
  t.is(await second.status('c1' as CallId), undefined);
  await second.close();
});
