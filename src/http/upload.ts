/**
 * State values and files on their way in, a piece at a time: no more than one piece is held here, and the next is read
 * once the one before is taken. What is larger than a piece is staged: nobody sees any of it before the last piece
 * commits the whole.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { BusMessage, Headers } from '../bus/port.ts';
import {
  type Part,
  readVersion,
  toConditionHeaders,
  toOffsetHeaders,
  toUploadHeaders,
} from '../bus/resource-headers.ts';
import { type BodyLimit, tooLarge } from './body.ts';
import { ask, type HttpParts } from './exchange.ts';
import { pieceBytesOf } from './pieces.ts';

export interface Piece {
  /** In bytes, from the start of the stream. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

/** Cuts a stream into pieces of one size; the last may be smaller, and is empty only for an empty stream. @throws FaasmError `too_large` */
export async function* toPieces(
  source: AsyncIterable<Uint8Array>,
  pieceBytes: number,
  limit: BodyLimit,
): AsyncGenerator<Piece> {
  let parts: Uint8Array[] = [];
  let gatheredBytes = 0;
  let offset = 0;
  for await (const chunk of source) {
    if (offset + gatheredBytes + chunk.length > limit.maxBytes) throw tooLarge(limit);
    let rest = chunk;
    while (gatheredBytes + rest.length > pieceBytes) {
      parts.push(rest.subarray(0, pieceBytes - gatheredBytes));
      rest = rest.subarray(pieceBytes - gatheredBytes);
      yield { offset, bytes: join(parts, pieceBytes), last: false };
      offset += pieceBytes;
      parts = [];
      gatheredBytes = 0;
    }
    if (rest.length > 0) parts.push(rest);
    gatheredBytes += rest.length;
  }
  yield { offset, bytes: join(parts, gatheredBytes), last: true };
}

/** A body on its way to an actor. */
export interface Write {
  readonly subject: string;
  readonly source: AsyncIterable<Uint8Array>;
  readonly conditions: Headers;
}

/** @returns the answer to the message that made it seen */
export async function writeWhole(
  parts: HttpParts,
  { subject, source, conditions }: Write,
  limit: BodyLimit,
): Promise<BusMessage> {
  const id = parts.newId();
  for await (const { offset, bytes, last } of toPieces(source, pieceBytesOf(parts.bus), limit)) {
    if (last && offset === 0) return await ask(parts, subject, bytes, conditions);
    const upload = { id, commitBytes: last ? offset + bytes.length : undefined };
    const answer = await ask(parts, subject, bytes, { ...toUploadHeaders(upload, offset), ...conditions });
    if (last) return answer;
  }
  throw new FaasmError('internal', 'A stream was cut into no pieces');
}

/**
 * Writes a part of a value where it stands. A part larger than a piece is several writes; each must find the
 * version that the one before left, so that nobody else's write comes between them unnoticed.
 * @throws FaasmError `bad_request` when the stream is not as long as the part, `precondition_failed`
 */
export async function writePart(
  parts: HttpParts,
  { subject, source, conditions }: Write,
  part: Part,
): Promise<BusMessage> {
  let found = conditions;
  const limit = { maxBytes: part.length };
  for await (const { offset, bytes, last } of toPieces(source, pieceBytesOf(parts.bus), limit)) {
    const end = offset + bytes.length;
    if (last && end !== part.length) throw notAsLong(part.length, end);
    const at = toOffsetHeaders(part.offset + offset);
    const answer = await ask(parts, subject, bytes, { ...at, ...found });
    if (last) return answer;
    const version = readVersion(answer);
    found = version === undefined ? {} : toConditionHeaders({ ifMatch: version });
  }
  throw new FaasmError('internal', 'A stream was cut into no pieces');
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
}

function notAsLong(wanted: number, got: number): FaasmError {
  return new FaasmError('bad_request', `Content-Range tells of ${wanted} bytes and the body has ${got}`);
}
