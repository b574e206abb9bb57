/** The tables of asynchronous calls and what is done to them, in the thread of the SQLite file. */
import type { DatabaseSync } from 'node:sqlite';
import type { CallError, RequestHead } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallArguments } from '../../proto/function-settings.ts';
import type { CallStatus } from '../../proto/messages.ts';
import type { CallId, UserName } from '../../proto/names.ts';
import { applySchema } from '../storage/sqlite-file.ts';
import type { BegunAttempt } from './begun-marks.ts';
import { createCallIds } from './call-id.ts';
import { keyReused } from './idempotency-key.ts';
import type {
  Attempt,
  CallEnd,
  CallOutput,
  Enqueued,
  KeyOfCall,
  NewCall,
  PendingCall,
} from './queue-port.ts';

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
];

const statusColumns = `
  id, user, function, state, attempts, createdAtMs, startedAtMs, endedAtMs, returnValue, error, traceparent`;

export type QueueOperations = ReturnType<typeof open>;

export function open(db: DatabaseSync, file: string) {
  const newCallId = createCallIds();
  db.function('newCallId', (user) => newCallId(user as UserName));
  applySchema(db, file, formats);
  const insert = db.prepare(`
    INSERT INTO call (id, user, function, state, attempts, createdAtMs, notBeforeMs, timeoutMs, dedupeKey, traceparent,
      given, inputPlace, outputPlace, request, fingerprint)
    VALUES (?, ?, ?, 'queued', 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertInput = db.prepare('INSERT INTO input (id, bytes) VALUES (?, ?)');
  const insertOutput = db.prepare('INSERT INTO output (id, bytes) VALUES (?, ?)');
  const deleteInput = db.prepare('DELETE FROM input WHERE id = ?');
  const byId = db.prepare(`SELECT ${statusColumns} FROM call WHERE id = ?`);
  const byKey = db.prepare(
    `SELECT ${statusColumns}, fingerprint FROM call WHERE user = ? AND function = ? AND dedupeKey = ?`,
  );
  const begin = db.prepare(`
    UPDATE call SET state = 'running', attempts = attempts + 1, startedAtMs = ?
    WHERE id = ? AND endedAtMs IS NULL
    RETURNING id, user, function, timeoutMs, traceparent, given, inputPlace, outputPlace, request, attempts`);
  const inputOf = db.prepare('SELECT bytes FROM input WHERE id = ?');
  const outputOf = db.prepare(`
    SELECT substr(bytes, ?1, ?2) AS bytes, length(bytes) AS sizeBytes FROM output WHERE id = ?3`);
  const end = db.prepare(`
    UPDATE call SET state = ?, returnValue = ?, error = ?, endedAtMs = ? WHERE id = ? AND endedAtMs IS NULL`);
  const requeue = db.prepare(`
    UPDATE call SET state = 'queued', error = ?, notBeforeMs = ? WHERE id = ? AND endedAtMs IS NULL`);
  const swept = db.prepare('SELECT id FROM call WHERE endedAtMs < ? LIMIT ?');
  const forget = ['call', 'input', 'output'].map((table) => db.prepare(`DELETE FROM ${table} WHERE id = ?`));
  const interrupt = db.prepare(`
    UPDATE call SET state = 'queued' WHERE id = ? AND attempts = ? AND state = 'running'`);
  const giveBack = db.prepare(`
    UPDATE call SET state = 'queued', attempts = attempts - 1 WHERE endedAtMs IS NULL AND state = 'running'`);
  const pending = db.prepare(`
    SELECT id, user, attempts, notBeforeMs FROM call WHERE endedAtMs IS NULL ORDER BY createdAtMs, rowid`);

  const status = ({ id }: { id: CallId }): CallStatus | undefined => toStatus(byId.get(id));
  const find = ({ user, function: fn, dedupeKey, fingerprint }: KeyOfCall): CallStatus | undefined => {
    if (dedupeKey === null) return undefined;
    const row = byKey.get(user, fn, dedupeKey);
    if (row === undefined) return undefined;
    const { fingerprint: before, ...columns } = row;
    // An older release kept none.
    if (before !== null && before !== fingerprint) throw keyReused(dedupeKey);
    return toStatus(columns);
  };

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
      insertInput.run(id, call.input);
      return { status: status({ id })!, isNew: true };
    },

    claim({ id, nowMs }: { id: CallId; nowMs: number }): Attempt | undefined {
      const row = begin.get(nowMs, id);
      if (row === undefined) return undefined;
      const input = inputOf.get(id)?.bytes as Uint8Array;
      const given = row.given === null ? null : (JSON.parse(String(row.given)) as CallArguments);
      const request = row.request === null ? null : (JSON.parse(String(row.request)) as RequestHead);
      return { ...(row as unknown as Attempt), given, request, input };
    },

    finish({ id, end: how }: { id: CallId; end: CallEnd }): void {
      const { state, returnValue, error, endedAtMs, output } = how;
      const { changes } = end.run(state, returnValue, toJson(error), endedAtMs, id);
      if (changes === 0) return;
      deleteInput.run(id);
      insertOutput.run(id, output);
    },

    retry({ id, error, notBeforeMs }: { id: CallId; error: CallError; notBeforeMs: number }): void {
      requeue.run(toJson(error), notBeforeMs, id);
    },

    cancel({ id, nowMs }: { id: CallId; nowMs: number }): CallStatus | undefined {
      const { changes } = end.run('cancelled', null, null, nowMs, id);
      if (changes > 0) deleteInput.run(id);
      return status({ id });
    },

    output({ id, offset, length }: { id: CallId; offset: number; length: number }): CallOutput | undefined {
      const known = status({ id });
      if (known === undefined) return undefined;
      const row = outputOf.get(offset + 1, length, id);
      return {
        status: known,
        bytes: (row?.bytes as Uint8Array | null | undefined) ?? new Uint8Array(0),
        sizeBytes: Number(row?.sizeBytes ?? 0),
      };
    },

    sweep({ endedBeforeMs, limit }: { endedBeforeMs: number; limit: number }): number {
      const ids = swept.all(endedBeforeMs, limit).map(({ id }) => String(id));
      for (const id of ids) for (const statement of forget) statement.run(id);
      return ids.length;
    },

    recover({ begun }: { begun: readonly BegunAttempt[] }): readonly PendingCall[] {
      for (const { id, attempt } of begun) interrupt.run(id, attempt);
      giveBack.run();
      return pending.all() as unknown as PendingCall[];
    },
  };
}

function toStatus(row: Record<string, unknown> | undefined): CallStatus | undefined {
  if (row === undefined) return undefined;
  const error = typeof row.error === 'string' ? (JSON.parse(row.error) as CallError) : null;
  return { ...(row as unknown as CallStatus), error };
}

function toJson(value: CallError | CallArguments | RequestHead | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
