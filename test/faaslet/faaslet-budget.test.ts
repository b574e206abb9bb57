import test from 'ava';
import { FaasletBudget, FaasletTable } from '../../src/faaslet/faaslet-budget.ts';

const instanceBytes = 4 * 4096;

test('FaasletBudget is exceeded by the Faaslets of all executors together', (t) => {
  const table = new FaasletTable(4);
  const limits = { countMax: 3, bytesMax: 1e9 };
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
  const table = new FaasletTable(1);
  const limits = { countMax: 10, bytesMax: instanceBytes + 5 * 4096 };
  const budget = new FaasletBudget(table.buffer, table.takeRow(), limits);
  budget.change(1, 5);
  t.deepEqual(table.use(), { count: 1, bytes: limits.bytesMax });
  t.false(budget.isExceeded);
  budget.change(0, 1);
  t.true(budget.isExceeded);
});

test('freeRow() forgets what an executor had, and gives its row to the next', (t) => {
  const table = new FaasletTable(2);
  const limits = { countMax: 1, bytesMax: 1e9 };
  const row = table.takeRow();
  new FaasletBudget(table.buffer, row, limits).change(7, 9);
  const other = new FaasletBudget(table.buffer, table.takeRow(), limits);
  t.true(other.isExceeded);
  table.freeRow(row);
  t.deepEqual(table.use(), { count: 0, bytes: 0 });
  t.is(table.takeRow(), row);
});
