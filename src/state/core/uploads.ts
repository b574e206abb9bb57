/**
 * Staged uploads: a large value that arrives in parts, each at or before the end of what is there, and is seen by
 * nobody before the part that commits it. Pure; `decideUploads` changes the table in place.
 */
import { FaasmError } from '../../../proto/errors.ts';
import { quote, type UserName } from '../../../proto/names.ts';

export interface UploadLimits {
  /** Begun and not ended, for one user. */
  readonly uploadsPerUserMax: number;
  /** An upload without a new part for so long is forgotten. */
  readonly uploadIdleMs: number;
}

export interface UploadPart {
  readonly user: UserName;
  readonly upload: string;
  /** Nothing: at the end of what is there. */
  readonly offset: number | undefined;
  readonly byteLength: number;
  /** The size of the whole value, on the last part. */
  readonly commitBytes: number | undefined;
}

export type UploadMessage =
  | (UploadPart & { readonly type: 'part'; readonly nowMs: number })
  /** It was committed, or gave up. */
  | { readonly type: 'uploadEnded'; readonly user: UserName; readonly upload: string }
  | { readonly type: 'tick'; readonly nowMs: number };

export type UploadEffect =
  /** Keep the part's bytes here. */
  | { readonly type: 'stage'; readonly offset: number; readonly addedBytes: number }
  | { readonly type: 'refuse'; readonly error: FaasmError }
  | {
      readonly type: 'discard';
      readonly user: UserName;
      readonly upload: string;
      readonly bytes: number;
    };

interface Upload {
  readonly user: UserName;
  readonly upload: string;
  endBytes: number;
  lastPartMs: number;
}

export interface UploadTable {
  readonly limits: UploadLimits;
  readonly users: Map<UserName, Map<string, Upload>>;
}

export function createUploadTable(limits: UploadLimits): UploadTable {
  return { limits, users: new Map() };
}

export function decideUploads(table: UploadTable, message: UploadMessage): UploadEffect[] {
  switch (message.type) {
    case 'part':
      return [takePart(table, message)];
    case 'uploadEnded':
      forget(table, message.user, message.upload);
      return [];
    case 'tick':
      return [...table.users.values()]
        .flatMap((uploads) => [...uploads.values()])
        .filter(({ lastPartMs }) => lastPartMs + table.limits.uploadIdleMs <= message.nowMs)
        .map(({ user, upload, endBytes }) => {
          forget(table, user, upload);
          return { type: 'discard', user, upload, bytes: endBytes };
        });
  }
}

/** How many bytes an upload has so far. */
export function uploadedBytes(table: UploadTable, user: UserName, upload: string): number {
  return table.users.get(user)?.get(upload)?.endBytes ?? 0;
}

function takePart(table: UploadTable, message: UploadPart & { nowMs: number }): UploadEffect {
  const { user, upload, byteLength, commitBytes, nowMs } = message;
  const uploads = table.users.get(user) ?? new Map<string, Upload>();
  const known = uploads.get(upload);
  const had = known?.endBytes ?? 0;
  const offset = message.offset ?? had;
  const end = Math.max(had, offset + byteLength);
  const refuse = (code: 'conflict' | 'too_many_requests', why: string): UploadEffect => ({
    type: 'refuse',
    error: new FaasmError(code, `Cannot upload ${quote(upload)} of user ${user}: ${why}`, {
      details: { component: 'state' },
    }),
  });
  if (offset > had) {
    return refuse(
      'conflict',
      `a part begins at ${offset} and ${had} bytes are there; begin again with a new id`,
    );
  }
  if (commitBytes !== undefined && commitBytes !== end) {
    return refuse('conflict', `${commitBytes} bytes were to be committed and ${end} are there`);
  }
  if (known === undefined) {
    const { uploadsPerUserMax } = table.limits;
    if (uploads.size >= uploadsPerUserMax) {
      return refuse('too_many_requests', `the user has ${uploads.size} uploads under way; end one first`);
    }
    table.users.set(user, uploads);
    uploads.set(upload, { user, upload, endBytes: end, lastPartMs: nowMs });
  } else {
    known.endBytes = end;
    known.lastPartMs = nowMs;
  }
  return { type: 'stage', offset, addedBytes: end - had };
}

function forget(table: UploadTable, user: UserName, upload: string): void {
  const uploads = table.users.get(user);
  uploads?.delete(upload);
  if (uploads?.size === 0) table.users.delete(user);
}
