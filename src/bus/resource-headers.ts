/**
 * What has versions - state, functions, shared files - and what is read in parts, as outputs of calls too: what a message
 * asks of it, and what an answer tells of it, in headers.
 */
import { FaasmError } from '../../proto/errors.ts';
import { resourceHeaders as names } from '../../proto/headers.ts';
import { quote } from '../../proto/names.ts';
import { type Bus, type BusMessage, type Headers, header, respond } from './port.ts';

/** What a change must find. */
export interface Condition {
  /** The version that has to be there, `*` for any. */
  readonly ifMatch?: string;
  /** Nothing may be there yet. */
  readonly ifAbsent?: true;
}

/** @throws FaasmError `bad_request` */
export function readCondition(message: BusMessage): Condition {
  const ifMatch = header(message, names.ifMatch);
  const ifNoneMatch = header(message, names.ifNoneMatch);
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new FaasmError('bad_request', `${names.ifNoneMatch} is *, not ${quote(ifNoneMatch)}`);
  }
  return {
    ...(ifMatch !== undefined && { ifMatch }),
    ...(ifNoneMatch !== undefined && { ifAbsent: true }),
  };
}

/** Why a change may not be made, if it may not. @param version of what is there; nothing where nothing is */
export function unmetCondition(
  { ifMatch, ifAbsent }: Condition,
  version: string | undefined,
): string | undefined {
  if (ifAbsent === true && version !== undefined) return 'it exists already';
  if (ifMatch === undefined || (version !== undefined && (ifMatch === '*' || ifMatch === version)))
    return undefined;
  return version === undefined
    ? 'it does not exist'
    : `its version is ${version}, not ${quote(ifMatch)}; read it again`;
}

export function toConditionHeaders({ ifMatch, ifAbsent }: Condition): Headers {
  return {
    ...(ifMatch !== undefined && { [names.ifMatch]: [ifMatch] }),
    ...(ifAbsent === true && { [names.ifNoneMatch]: ['*'] }),
  };
}

/** A part of the bytes. */
export interface Part {
  readonly offset: number;
  readonly length: number;
}

/** `Faasm-Offset`. @throws FaasmError `bad_request` */
export function readOffset(message: BusMessage): number | undefined {
  return readCount(message, names.offset);
}

/** What a read asks for; of more than fits an answer, one byte more than fits. @throws FaasmError `bad_request` */
export function readPart(message: BusMessage, bus: Bus): Part {
  const length = readCount(message, names.length) ?? Number.MAX_SAFE_INTEGER;
  return { offset: readOffset(message) ?? 0, length: Math.min(length, answerMaxBytes(bus) + 1) };
}

export function toPartHeaders({ offset, length }: Part): Headers {
  return { [names.offset]: [String(offset)], [names.length]: [String(length)] };
}

export interface FoundPart {
  /** For people, as in `The output of call …`. */
  readonly what: string;
  readonly bytes: Uint8Array;
  /** Of the whole. */
  readonly sizeBytes: number;
  readonly version?: string | number;
}

/** @throws FaasmError `range_not_satisfiable` when the part begins beyond the end; `too_large` */
export function respondPart(
  bus: Bus,
  message: BusMessage,
  { what, bytes, sizeBytes, version }: FoundPart,
  headers: Headers = {},
): void {
  const offset = readOffset(message) ?? 0;
  if (offset > sizeBytes) {
    const why = `${what} has ${sizeBytes} bytes; a range cannot begin at ${offset}`;
    throw new FaasmError('range_not_satisfiable', why);
  }
  const maxBytes = answerMaxBytes(bus);
  if (bytes.length > maxBytes) {
    throw new FaasmError(
      'too_large',
      `${what} has ${sizeBytes} bytes and an answer ${maxBytes}; ask for ranges`,
    );
  }
  respond(bus, message, bytes, { ...toVersionHeaders({ version, sizeBytes }), ...headers });
}

/** Of an answer about a whole, or a part of it. */
export function toVersionHeaders(of: {
  readonly version?: string | number | undefined;
  readonly sizeBytes?: number;
}): Headers {
  return {
    ...(of.version !== undefined && { [names.version]: [String(of.version)] }),
    ...(of.sizeBytes !== undefined && { [names.size]: [String(of.sizeBytes)] }),
  };
}

export function readVersion(answer: BusMessage): string | undefined {
  return header(answer, names.version);
}

/** Of the whole. @throws FaasmError `bad_request` */
export function readSize(answer: BusMessage): number | undefined {
  return readCount(answer, names.size);
}

export interface UploadPart {
  readonly id: string;
  /** On the last part: of the whole. */
  readonly commitBytes: number | undefined;
}

const uploadIdPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** `Faasm-Upload-Id` and `Faasm-Upload-Commit`. @throws FaasmError `bad_request` */
export function readUpload(message: BusMessage): UploadPart | undefined {
  const id = header(message, names.uploadId);
  const commitBytes = readCount(message, names.uploadCommit);
  if (id === undefined) {
    if (commitBytes === undefined) return undefined;
    throw new FaasmError('bad_request', `${names.uploadCommit} needs ${names.uploadId} beside it`);
  }
  if (uploadIdPattern.test(id)) return { id, commitBytes };
  throw new FaasmError('bad_request', `${names.uploadId} is 1 to 64 of A-Z a-z 0-9 _ -, not ${quote(id)}`);
}

/** @param offset where the part begins */
export function toUploadHeaders({ id, commitBytes }: UploadPart, offset: number): Headers {
  return {
    [names.uploadId]: [id],
    ...toOffsetHeaders(offset),
    ...(commitBytes !== undefined && { [names.uploadCommit]: [String(commitBytes)] }),
  };
}

/** Where a write begins. */
export function toOffsetHeaders(offset: number): Headers {
  return { [names.offset]: [String(offset)] };
}

/** Of the largest message, what an answer's headers may take. */
const headersMaxBytes = 4096;

const answerMaxBytes = ({ maxPayloadBytes }: Bus): number => maxPayloadBytes - headersMaxBytes;

function readCount(message: BusMessage, name: string): number | undefined {
  const text = header(message, name);
  if (text === undefined) return undefined;
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new FaasmError('bad_request', `${name} is a whole number, not ${quote(text)}`);
}
