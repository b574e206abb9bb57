/**
 * Checksums of records: crc32, which finds what a disk does to a record, and costs a tenth of writing it. Somebody who
 * changes a record on purpose can change its sum as well.
 *
 * A sum covers what the record is as well as its bytes, so that one record in the place of another is found too.
 */
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { type ErrorDetails, FaasmError } from '../../proto/errors.ts';

export type RecordField = string | number | null | Uint8Array;

/** Fields in their order; bytes count as they are. */
export function sumOf(...fields: readonly RecordField[]): number {
  let sum = 0;
  for (const field of fields) sum = crc32(field instanceof Uint8Array ? field : `${field}\0`, sum);
  return sum;
}

/** Makes it `record_sum(…)` in statements. */
export function addSumFunction(db: DatabaseSync): void {
  db.function('record_sum', { varargs: true, deterministic: true }, (...fields) =>
    sumOf(...(fields as RecordField[])),
  );
}

/**
 * @param what the record, as in `State ann/k`
 * @param wayOut as in `write it anew`
 */
export function damaged(what: string, wayOut: string, details: ErrorDetails = {}): FaasmError {
  const why = 'is damaged: it is not what was written, so the disk or something else has changed it';
  return new FaasmError('storage_corrupt', `${what} ${why}; ${wayOut}`, { details });
}
