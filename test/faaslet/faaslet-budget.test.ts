import test from 'ava';
import { FaasletBudget, FaasletTable } from '../../src/faaslet/faaslet-budget.ts';

const instanceBytes = 4 * 4096;

test('FaasletBudget is exceeded by the Faaslets of all executors together', (t) => {
  const limits = { countMax: 3, bytesMax: 1e9, userBytesMax: 1e9 };
  const table = new FaasletTable(4, limits);
  const [first, second] = [0, 1].map(() => new FaasletBudget(table.buffer, table.takeRow(), limits));
  first!.change(2, 0);
  second!.change(1, 0);
  t.false(first!.isExceeded);
  second!.change(1, 0);
  t.true(first!.isExceeded);
  first!.change(-1, 0);
  t.false(second!.isExceeded);
});

test('FaasletBudget counts pages, and each instance with what it needs beside its memory', (t) => {
  const limits = { countMax: 10, bytesMax: instanceBytes + 5 * 4096, userBytesMax: 1e9 };
  const table = new FaasletTable(1, limits);
  const budget = new FaasletBudget(table.buffer, table.takeRow(), limits);
  budget.change(1, 5);
  t.deepEqual(table.use(), { count: 1, bytes: limits.bytesMax, heldBytes: 0 });
  t.false(budget.isExceeded);
  budget.change(0, 1);
  t.true(budget.isExceeded);
});

test('freeRow() forgets what an executor had, and gives its row to the next', (t) => {
  const limits = { countMax: 1, bytesMax: 1e9, userBytesMax: 1e9 };
  const table = new FaasletTable(2, limits);
  const row = table.takeRow();
  new FaasletBudget(table.buffer, row, limits).change(7, 9);
  const other = new FaasletBudget(table.buffer, table.takeRow(), limits);
  t.true(other.isExceeded);
  table.freeRow(row);
  t.deepEqual(table.use(), { count: 0, bytes: 0, heldBytes: 0 });
  t.is(table.takeRow(), row);
});

const MiB = 1024 * 1024;
const limits = { countMax: 10, bytesMax: 10 * MiB, userBytesMax: 4 * MiB };

/** A table, and executors that have calls of these users. */
function start(...users: string[]) {
  const table = new FaasletTable(users.length, limits);
  const budgets = users.map((user) => {
    const row = table.takeRow();
    table.assign(row, user);
    return new FaasletBudget(table.buffer, row, limits);
  });
  return { table, budgets };
}

test('hold() refuses what a user would hold too much, on all executors together', (t) => {
  const { budgets } = start('ada', 'ada', 'bob');
  const [first, second, other] = budgets;
  first!.hold(3 * MiB);
  const error = t.throws(() => second!.hold(2 * MiB));
  t.like(error, { code: 'guest_out_of_memory' });
  t.regex(error!.message, /FAASM_CALL_MEMORY_PER_USER_MAX_MIB/);
  t.notThrows(() => other!.hold(2 * MiB));
  first!.release(3 * MiB);
  t.notThrows(() => second!.hold(2 * MiB));
});

test('hold() refuses what the host would hold too much', (t) => {
  const { budgets } = start('ada', 'bob', 'cy');
  for (const budget of budgets.slice(0, 2)) budget.hold(4 * MiB);
  const error = t.throws(() => budgets[2]!.hold(3 * MiB));
  t.regex(error!.message, /FAASM_FAASLETS_MAX_MIB/);
});

test('isFull() counts the memory of Faaslets, and leaves a quarter more to chained calls', (t) => {
  const [budget] = start('ada').budgets;
  budget!.change(1, 3 * 256);
  t.false(budget!.isFull(false));
  budget!.change(0, 256);
  t.true(budget!.isFull(false));
  t.false(budget!.isFull(true));
  budget!.change(0, 256);
  t.true(budget!.isFull(true));
});

test('what the main thread holds for a user counts for the executors of the user, and for no others', (t) => {
  const { table, budgets } = start('ada', 'bob');
  const release = table.hold('ada', 3 * MiB);
  t.false(table.hasRoom('ada', 2 * MiB));
  t.true(table.hasRoom('bob', 2 * MiB));
  t.throws(() => budgets[0]!.hold(2 * MiB));
  t.notThrows(() => budgets[1]!.hold(2 * MiB));
  release();
  release();
  t.notThrows(() => budgets[0]!.hold(2 * MiB));
  t.is(table.use().heldBytes, 4 * MiB);
});

test('freeRow() forgets what was held for the calls of an executor that is gone', (t) => {
  const table = new FaasletTable(1, limits);
  const row = table.takeRow();
  table.assign(row, 'ada');
  new FaasletBudget(table.buffer, row, limits).hold(3 * MiB);
  t.false(table.hasRoom('ada', 2 * MiB));
  table.freeRow(row);
  t.true(table.hasRoom('ada', 2 * MiB));
});
