/** What the headers of a state message ask for. */
import { FaasmError } from '../../proto/errors.ts';
import { stateHeaders as names } from '../../proto/headers.ts';
import { quote } from '../../proto/names.ts';
import { type BusMessage, type Headers, header } from '../bus/port.ts';
import type { StoredValue, WriteCondition } from './stores/port.ts';

const uploadIdPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** `Faasm-If-Match`, `Faasm-If-None-Match`. @throws FaasmError `bad_request` */
export function readCondition(message: BusMessage): WriteCondition {
  const match = header(message, names.ifMatch);
  const noneMatch = header(message, names.ifNoneMatch);
  if (noneMatch !== undefined && noneMatch !== '*') {
    throw new FaasmError('bad_request', `${names.ifNoneMatch} is *, not ${quote(noneMatch)}`);
  }
  return {
    ...(match !== undefined && { expectVersion: match === '*' ? 'any' : toCount(match, names.ifMatch) }),
    ...(noneMatch !== undefined && { ifAbsent: true }),
  };
}

/** `Faasm-Offset`. @throws FaasmError `bad_request` */
export function readOffset(message: BusMessage): number | undefined {
  return readCount(message, names.offset);
}

/** `Faasm-Length`. @throws FaasmError `bad_request` */
export function readLength(message: BusMessage): number | undefined {
  return readCount(message, names.length);
}

/** `Faasm-Upload-Id` and `Faasm-Upload-Commit`. @throws FaasmError `bad_request` */
export function readUpload(message: BusMessage): { id: string; commitBytes: number | undefined } | undefined {
  const id = header(message, names.uploadId);
  const commitBytes = readCount(message, names.uploadCommit);
  if (id === undefined) {
    if (commitBytes === undefined) return undefined;
    throw new FaasmError('bad_request', `${names.uploadCommit} needs ${names.uploadId} beside it`);
  }
  if (uploadIdPattern.test(id)) return { id, commitBytes };
  throw new FaasmError('bad_request', `${names.uploadId} is 1 to 64 of A-Z a-z 0-9 _ -, not ${quote(id)}`);
}

/** The headers of an answer about a value. */
export function toValueHeaders({ sizeBytes, version }: StoredValue): Headers {
  return { [names.version]: [String(version)], [names.size]: [String(sizeBytes)] };
}

function readCount(message: BusMessage, name: string): number | undefined {
  const text = header(message, name);
  return text === undefined ? undefined : toCount(text, name);
}

function toCount(text: string, name: string): number {
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new FaasmError('bad_request', `${name} is a whole number, not ${quote(text)}`);
}
