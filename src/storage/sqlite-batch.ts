/** Group commit: many operations, one transaction, each undone alone when it fails. */
import type { DatabaseSync } from 'node:sqlite';
import { FaasmError } from '../../proto/errors.ts';
import type { SqliteOperations } from './sqlite-thread.ts';

export interface Operation {
  readonly name: string | undefined;
  readonly argument: unknown;
}

export interface Outcome {
  readonly value: unknown;
  /** What was thrown, if anything was. */
  readonly error: unknown;
}

/**
 * Runs the operations in order and commits them together; outcomes are in the same order.
 * When SQLite gives the whole transaction up, as it may on a full disk, or the commit fails, each operation is run
 * again in a transaction of its own: only those fail that cannot be done.
 */
export function runBatch(
  db: DatabaseSync,
  operations: SqliteOperations,
  batch: readonly Operation[],
): readonly Outcome[] {
  try {
    return runTogether(db, operations, batch);
  } catch (error) {
    if (batch.length === 1) return [{ value: undefined, error }];
    return batch.map((operation) => runBatch(db, operations, [operation])[0]!);
  }
}

/** @throws what lost the whole transaction */
function runTogether(db: DatabaseSync, operations: SqliteOperations, batch: readonly Operation[]): Outcome[] {
  db.exec('BEGIN');
  try {
    const outcomes = batch.map((operation) => runOne(db, operations, operation));
    db.exec('COMMIT');
    return outcomes;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function runOne(db: DatabaseSync, operations: SqliteOperations, operation: Operation): Outcome {
  db.exec('SAVEPOINT operation');
  try {
    const value = run(operations, operation);
    db.exec('RELEASE operation');
    return { value, error: undefined };
  } catch (error) {
    if (!db.isTransaction) throw error;
    db.exec('ROLLBACK TO operation; RELEASE operation');
    return { value: undefined, error: error ?? new FaasmError('internal', 'An operation threw nothing') };
  }
}

function run(operations: SqliteOperations, { name, argument }: Operation): unknown {
  if (name === undefined) return undefined;
  const operation = operations[name];
  if (operation === undefined) throw new FaasmError('internal', `The storage has no operation ${name}`);
  return operation(argument);
}
