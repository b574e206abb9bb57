import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startSqliteThread } from '../../src/storage/sqlite-thread.ts';
import type { CounterOperations } from './counter-operations.ts';

const operations = new URL('./counter-operations.ts', import.meta.url).href;

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'faasm-mark-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function keep(file: string, name: string): Promise<void> {
  const thread = await startSqliteThread<CounterOperations>({ file, operations });
  await thread.run('put', { name, value: 1 });
  await thread.close();
}

async function names(file: string): Promise<string[]> {
  const thread = await startSqliteThread<CounterOperations>({ file, operations });
  try {
    return Object.keys(await thread.run('all', null));
  } finally {
    await thread.close();
  }
}

const refusals: readonly [how: string, harm: (file: string, other: string) => void, message: RegExp][] = [
  [
    'gone',
    (file) => rmSync(file),
    /it is empty, and it was not; restore it from a backup, or remove a\.db\.id/,
  ],
  ['emptied', (file) => writeFileSync(file, ''), /it is empty/],
  ['that of another store', (file, other) => copyFileSync(other, file), /it is of another store/],
];

for (const [how, harm, message] of refusals) {
  test(`a database that is ${how} is refused until its mark is removed`, async (t) => {
    const folder = temporaryFolder(t);
    const [file, other] = [join(folder, 'a.db'), join(folder, 'b.db')];
    await keep(file, 'kept');
    await keep(other, 'other');
    harm(file, other);
    await t.throwsAsync(names(file), { code: 'storage_corrupt', message } as object);
    rmSync(`${file}.id`);
    t.deepEqual(await names(file), how === 'that of another store' ? ['other'] : []);
  });
}

test('a database from a backup is taken, and a mark that is gone is made anew', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.db');
  await keep(file, 'one');
  copyFileSync(file, join(folder, 'backup'));
  const mark = readFileSync(`${file}.id`, 'utf8');
  await keep(file, 'two');
  copyFileSync(join(folder, 'backup'), file);
  rmSync(`${file}.id`);
  t.deepEqual(await names(file), ['one']);
  t.is(readFileSync(`${file}.id`, 'utf8'), mark);
});
