import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { type SqliteThread, startSqliteThread } from '../../src/storage/sqlite-thread.ts';
import type { CounterOperations } from './counter-operations.ts';

const operations = new URL('./counter-operations.ts', import.meta.url).href;

function temporaryFile(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'faasm-sqlite-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, 'inner', 'numbers.db');
}

async function start(t: ExecutionContext, file: string): Promise<SqliteThread<CounterOperations>> {
  const thread = await startSqliteThread<CounterOperations>({ file, operations });
  t.teardown(() => thread.close());
  return thread;
}

test('run() keeps what it acknowledged for the next thread', async (t) => {
  const file = temporaryFile(t);
  const first = await start(t, file);
  await Promise.all(
    Array.from({ length: 700 }, (_, value) => first.run('put', { name: `n${value % 100}`, value })),
  );
  await first.close();
  const second = await start(t, file);
  const numbers = await second.run('all', null);
  t.is(Object.keys(numbers).length, 100);
  t.is(numbers.n42, 642);
});

test('run() undoes an operation that throws, and not its neighbours', async (t) => {
  const thread = await start(t, temporaryFile(t));
  const outcomes = await Promise.allSettled([
    thread.run('put', { name: 'a', value: 1 }),
    thread.run('put', { name: 'b', value: 2, fail: true }),
    thread.run('put', { name: 'c', value: 3 }),
  ]);
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  t.deepEqual(await thread.run('all', null), { a: 1, c: 3 });
});

test('run() passes the code and details of what an operation threw', async (t) => {
  const thread = await start(t, temporaryFile(t));
  const error = await t.throwsAsync(thread.run('put', { name: 'b', value: 2, fail: true }), {
    instanceOf: FaasmError,
  });
  t.is(error?.code, 'conflict');
  t.is(error?.message, 'b fails');
  t.is(error?.details.retryAfterMs, 7);
});

test('run() says which file is full, and still does what needs no room', async (t) => {
  const file = temporaryFile(t);
  const thread = await start(t, file);
  await thread.run('limitPages', 20);
  const [small, large, after] = await Promise.allSettled([
    thread.run('put', { name: 'small', value: 1 }),
    thread.run('fill', { name: 'large', byteLength: 1_000_000 }),
    thread.run('put', { name: 'after', value: 2 }),
  ]);
  t.is(small.status, 'fulfilled');
  t.is(after.status, 'fulfilled');
  t.true(large.status === 'rejected' && large.reason instanceof FaasmError);
  if (large.status !== 'rejected') return;
  t.is(large.reason.code, 'storage_unavailable');
  t.is(large.reason.place, file);
  t.false(large.reason.message.includes(dirname(file)), 'callers do not learn where it is');
  t.regex(large.reason.message, /full/);
  t.deepEqual(await thread.run('all', null), { after: 2, small: 1 });
});

test('run() calls a broken statement internal, not the disk', async (t) => {
  const thread = await start(t, temporaryFile(t));
  await t.throwsAsync(thread.run('violate', null), { code: 'internal', message: /UNIQUE/ });
});

test('run() fails what waits when the thread dies', async (t) => {
  const file = temporaryFile(t);
  const thread = await start(t, file);
  const error = await t.throwsAsync(
    (async () => {
      await thread.run('crash', null);
      for (;;) await thread.run('all', null);
    })(),
    { instanceOf: FaasmError },
  );
  t.is(error?.code, 'storage_unavailable');
  t.is(error?.place, file);
});

test('startSqliteThread() refuses a file that another one has open', async (t) => {
  const file = temporaryFile(t);
  await start(t, file);
  await t.throwsAsync(start(t, file), {
    code: 'storage_unavailable',
    message: /another process has it open/,
  });
});

test('startSqliteThread() refuses a file that is not a database', async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'faasm-sqlite-')), 'not.db');
  writeFileSync(file, 'this is a text, and a long one: '.repeat(200));
  const error = await t.throwsAsync(start(t, file), {
    instanceOf: FaasmError,
    code: 'storage_corrupt',
    message: /no SQLite file/,
  });
  t.is(error?.place, file);
});

test('startSqliteThread() refuses a folder that cannot be made', async (t) => {
  const file = temporaryFile(t);
  const folder = mkdtempSync(join(tmpdir(), 'faasm-sqlite-'));
  writeFileSync(join(folder, 'file'), '');
  t.not(file, '');
  await t.throwsAsync(start(t, join(folder, 'file', 'x.db')), { code: 'storage_unavailable' });
});

test('close() finishes what was asked before it, and refuses what comes after', async (t) => {
  const file = temporaryFile(t);
  const thread = await start(t, file);
  const asked = thread.run('put', { name: 'a', value: 1 });
  await thread.close();
  await t.notThrowsAsync(asked);
  await t.throwsAsync(thread.run('all', null), { code: 'storage_unavailable', message: /closed/ });
});
