/** The tables of asynchronous calls and what is done to them, in the thread of the SQLite file. */
import type { DatabaseSync } from 'node:sqlite';
import type { CallError, RequestHead } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallArguments } from '../../proto/function-settings.ts';
import type { CallStatus } from '../../proto/messages.ts';
import type { CallId, UserName } from '../../proto/names.ts';
import { nodePowers } from '../power/node.ts';
import { addSumFunction, damaged, sumOf } from '../storage/checksum.ts';
import { applySchema } from '../storage/sqlite-file.ts';
import type { BegunAttempt } from './begun-marks.ts';
import { createCallIds } from './call-id.ts';
import { keyReused } from './idempotency-key.ts';
import type {
  Attempt,
  CallOutput,
  Enqueued,
  KeptEnd,
  KeyOfCall,
  NewCall,
  PendingCall,
} from './queue-port.ts';

const callSum = `record_sum(id, user, function, state, attempts, createdAtMs, startedAtMs, endedAtMs, notBeforeMs,
  timeoutMs, dedupeKey, traceparent, returnValue, error, given, inputPlace, outputPlace, request, fingerprint)`;

/** CallArguments and RequestHead are kept as JSON. */
const formats = [
  `
  CREATE TABLE call (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, function TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    createdAtMs REAL NOT NULL, startedAtMs REAL, endedAtMs REAL, notBeforeMs REAL NOT NULL, timeoutMs REAL NOT NULL,
    dedupeKey TEXT, traceparent TEXT, returnValue INTEGER, error TEXT
  ) STRICT;
  CREATE UNIQUE INDEX call_dedupe ON call (user, function, dedupeKey) WHERE dedupeKey IS NOT NULL;
  CREATE INDEX call_ended ON call (endedAtMs) WHERE endedAtMs IS NOT NULL;
  CREATE INDEX call_pending ON call (createdAtMs) WHERE endedAtMs IS NULL;
  CREATE TABLE input (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE output (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT`,
  'ALTER TABLE call ADD COLUMN given TEXT',
  'ALTER TABLE call ADD COLUMN inputPlace TEXT; ALTER TABLE call ADD COLUMN outputPlace TEXT',
  // Ids that name their user. What had another cannot be asked for any more, and runs.
  `CREATE TEMP TABLE renamed AS SELECT id, newCallId(user) AS newId FROM call;
  ${['call', 'input', 'output']
    .map((table) => `UPDATE ${table} SET id = (SELECT newId FROM renamed WHERE renamed.id = ${table}.id)`)
    .join(';')};
  DROP TABLE renamed`,
  'ALTER TABLE call ADD COLUMN request TEXT; ALTER TABLE call ADD COLUMN fingerprint TEXT',
  `
  ALTER TABLE call ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE input ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE output ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
  UPDATE call SET sum = ${callSum};
  UPDATE input SET sum = record_sum(id, bytes);
  UPDATE output SET sum = record_sum(id, bytes)`,
];

const statusColumns = `
  id, user, function, state, attempts, createdAtMs, startedAtMs, endedAtMs, returnValue, error, traceparent,
  sum = ${callSum} AS isSound`;

export type QueueOperations = ReturnType<typeof open>;

export function open(db: DatabaseSync, file: string) {
  const newCallId = createCallIds(nodePowers.random);
  db.function('newCallId', (user) => newCallId(user as UserName));
  addSumFunction(db);
  applySchema(db, file, formats);
  const insert = db.prepare(`
    INSERT INTO call (id, user, function, state, attempts, createdAtMs, notBeforeMs, timeoutMs, dedupeKey, traceparent,
      given, inputPlace, outputPlace, request, fingerprint)
    VALUES (?, ?, ?, 'queued', 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertInput = db.prepare('INSERT INTO input (id, bytes, sum) VALUES (?, ?, ?)');
  const insertOutput = db.prepare('INSERT INTO output (id, bytes, sum) VALUES (?, ?, ?)');
  const deleteInput = db.prepare('DELETE FROM input WHERE id = ?');
  const byId = db.prepare(`SELECT ${statusColumns} FROM call WHERE id = ?`);
  const byKey = db.prepare(
    `SELECT ${statusColumns}, fingerprint FROM call WHERE user = ? AND function = ? AND dedupeKey = ?`,
  );
  const begin = db.prepare(`
    UPDATE call SET state = 'running', attempts = attempts + 1, startedAtMs = ?
    WHERE id = ? AND endedAtMs IS NULL
    RETURNING id, user, function, timeoutMs, traceparent, given, inputPlace, outputPlace, request, attempts`);
  const inputOf = db.prepare('SELECT bytes, sum FROM input WHERE id = ?');
  const outputOf = db.prepare('SELECT bytes, sum FROM output WHERE id = ?');
  const seal = db.prepare(`UPDATE call SET sum = ${callSum} WHERE id = ?`);
  const end = db.prepare(`
    UPDATE call SET state = ?, returnValue = ?, error = ?, endedAtMs = ? WHERE id = ? AND endedAtMs IS NULL`);
  const requeue = db.prepare(`
    UPDATE call SET state = 'queued', error = ?, notBeforeMs = ? WHERE id = ? AND endedAtMs IS NULL`);
  const swept = db.prepare('SELECT id FROM call WHERE endedAtMs < ? LIMIT ?');
  const forget = ['call', 'input', 'output'].map((table) => db.prepare(`DELETE FROM ${table} WHERE id = ?`));
  const interrupt = db.prepare(`
    UPDATE call SET state = 'queued', attempts = attempts - (attempts <> ?) WHERE id = ? AND state = 'running'`);
  const pending = db.prepare(`
    SELECT id, user, attempts, notBeforeMs, sum = ${callSum} AS isSound FROM call
    WHERE endedAtMs IS NULL ORDER BY createdAtMs, rowid`);

  const status = ({ id }: { id: CallId }): CallStatus | undefined => toStatus(byId.get(id));

  /** What is damaged is not changed, as its sum would be right then. @throws FaasmError `storage_corrupt` */
  function change<T>(id: CallId, work: () => T): T {
    status({ id });
    const done = work();
    seal.run(id);
    return done;
  }

  const find = ({ user, function: fn, dedupeKey, fingerprint }: KeyOfCall): CallStatus | undefined => {
    if (dedupeKey === null) return undefined;
    const row = byKey.get(user, fn, dedupeKey);
    if (row === undefined) return undefined;
    const { fingerprint: before, ...columns } = row;
    const known = toStatus(columns);
    // An older release kept none.
    if (before !== null && before !== fingerprint) throw keyReused(dedupeKey);
    return known;
  };

  const soundPending = () =>
    (pending.all() as unknown as (PendingCall & { readonly isSound: number })[]).filter(
      ({ isSound }) => isSound === 1,
    );

  return {
    status,
    find,

    enqueue(call: NewCall): Enqueued {
      const { id, user, function: fn, dedupeKey, createdAtMs } = call;
      const known = find(call) ?? status({ id });
      if (known !== undefined) {
        if (known.user === user && known.function === fn) return { status: known, isNew: false };
        throw new FaasmError('conflict', `Call id ${id} is in use; give another one, or none`);
      }
      const { timeoutMs, traceparent, inputPlace, outputPlace, fingerprint } = call;
      const request = toJson(call.request);
      const given = toJson(call.given);
      const times = [createdAtMs, createdAtMs, timeoutMs];
      const texts = [dedupeKey, traceparent, given, inputPlace, outputPlace, request, fingerprint];
      insert.run(id, user, fn, ...times, ...texts);
      seal.run(id);
      insertInput.run(id, call.input, sumOf(id, call.input));
      return { status: status({ id })!, isNew: true };
    },

    claim({ id, nowMs }: { id: CallId; nowMs: number }): Attempt | undefined {
      const row = change(id, () => begin.get(nowMs, id));
      if (row === undefined) return undefined;
      const input = toBytes(id, inputOf.get(id), 'input');
      const given = row.given === null ? null : (JSON.parse(String(row.given)) as CallArguments);
      const request = row.request === null ? null : (JSON.parse(String(row.request)) as RequestHead);
      return { ...(row as unknown as Attempt), given, request, input };
    },

    finish({ id, end: how }: { id: CallId; end: KeptEnd }): void {
      const { state, returnValue, error, endedAtMs, output } = how;
      const { changes } = change(id, () => end.run(state, returnValue, toJson(error), endedAtMs, id));
      if (changes === 0) return;
      deleteInput.run(id);
      insertOutput.run(id, output, sumOf(id, output));
    },

    retry({ id, error, notBeforeMs }: { id: CallId; error: CallError; notBeforeMs: number }): void {
      change(id, () => requeue.run(toJson(error), notBeforeMs, id));
    },

    cancel({ id, nowMs }: { id: CallId; nowMs: number }): CallStatus | undefined {
      const { changes } = change(id, () => end.run('cancelled', null, null, nowMs, id));
      if (changes > 0) deleteInput.run(id);
      return status({ id });
    },

    output({ id, offset, length }: { id: CallId; offset: number; length: number }): CallOutput | undefined {
      const known = status({ id });
      if (known === undefined) return undefined;
      const row = outputOf.get(id);
      if (row === undefined && known.state !== 'succeeded') {
        return { status: known, bytes: new Uint8Array(0), sizeBytes: 0 };
      }
      const bytes = toBytes(id, row, 'output');
      return { status: known, bytes: bytes.slice(offset, offset + length), sizeBytes: bytes.length };
    },

    sweep({ endedBeforeMs, limit }: { endedBeforeMs: number; limit: number }): number {
      const ids = swept.all(endedBeforeMs, limit).map(({ id }) => String(id));
      for (const id of ids) for (const statement of forget) statement.run(id);
      return ids.length;
    },

    /** A call whose record is damaged is left as it is. */
    recover({ begun }: { begun: readonly BegunAttempt[] }): readonly PendingCall[] {
      const attempts = new Map(begun.map(({ id, attempt }) => [id, attempt]));
      for (const { id } of soundPending()) {
        if (interrupt.run(attempts.get(id) ?? 0, id).changes > 0) seal.run(id);
      }
      return soundPending().map(({ isSound: _, ...call }) => call);
    },
  };
}

function toStatus(row: Record<string, unknown> | undefined): CallStatus | undefined {
  if (row === undefined) return undefined;
  const { isSound, ...status } = row;
  if (isSound !== 1) throw callDamaged(`The record of call ${String(row.id)}`);
  const error = typeof row.error === 'string' ? (JSON.parse(row.error) as CallError) : null;
  return { ...(status as unknown as CallStatus), error };
}

function toBytes(id: CallId, row: Record<string, unknown> | undefined, what: string): Uint8Array {
  if (row?.bytes instanceof Uint8Array && sumOf(id, row.bytes) === row.sum) return row.bytes;
  throw callDamaged(`The ${what} of call ${id}`);
}

function callDamaged(what: string): FaasmError {
  return damaged(what, 'make the call again, or restore the calls of this host from a backup', {
    component: 'calls',
  });
}

function toJson(value: CallError | CallArguments | RequestHead | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
