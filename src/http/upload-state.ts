/**
 * State values on their way in, a piece at a time: no more than one piece of a value is held here, and the next is
 * read once the one before is taken. A value larger than a piece is staged: nobody sees any of it before the last
 * piece commits the whole.
 */
import { FaasmError } from '../../proto/errors.ts';
import { stateHeaders as names } from '../../proto/headers.ts';
import { type BusMessage, type Headers, header } from '../bus/port.ts';
import { type BodyLimit, tooLarge } from './body.ts';
import { stateLimit } from './config.ts';
import { ask, type HttpParts } from './exchange.ts';
import { pieceBytesOf } from './pieces.ts';
import type { ByteRange } from './range.ts';
import type { StateRoute } from './route.ts';

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

/** Replaces the value. @returns the answer to the write that made it seen */
export async function writeValue(
  parts: HttpParts,
  route: StateRoute,
  source: AsyncIterable<Uint8Array>,
  conditions: Headers,
): Promise<BusMessage> {
  const { bus, config } = parts;
  const uploadId = parts.newId();
  for await (const { offset, bytes, last } of toPieces(source, pieceBytesOf(bus), stateLimit(config))) {
    if (last && offset === 0) return await set(parts, route, bytes, conditions);
    const staged = { [names.uploadId]: [uploadId], [names.offset]: [String(offset)] };
    if (!last) {
      await set(parts, route, bytes, staged);
      continue;
    }
    const commit = { [names.uploadCommit]: [String(offset + bytes.length)] };
    return await set(parts, route, bytes, { ...staged, ...commit, ...conditions });
  }
  throw new FaasmError('internal', 'A stream was cut into no pieces');
}

/**
 * Writes a part of the value where it stands. A part larger than a piece is several writes; each must find the
 * version that the one before left, so that nobody else's write comes between them unnoticed.
 * @throws FaasmError `bad_request` when the stream is not as long as the part, `precondition_failed`
 */
export async function writePart(
  parts: HttpParts,
  route: StateRoute,
  part: ByteRange,
  source: AsyncIterable<Uint8Array>,
  conditions: Headers,
): Promise<BusMessage> {
  let found = conditions;
  const limit = { maxBytes: part.length };
  for await (const { offset, bytes, last } of toPieces(source, pieceBytesOf(parts.bus), limit)) {
    const end = offset + bytes.length;
    if (last && end !== part.length) throw notAsLong(part.length, end);
    const at = { [names.offset]: [String(part.offset + offset)] };
    const answer = await set(parts, route, bytes, { ...at, ...found });
    if (last) return answer;
    const version = header(answer, names.version);
    found = version === undefined ? {} : { [names.ifMatch]: [version] };
  }
  throw new FaasmError('internal', 'A stream was cut into no pieces');
}

function set(parts: HttpParts, route: StateRoute, bytes: Uint8Array, headers: Headers): Promise<BusMessage> {
  return ask(parts, parts.subjects.state('set', route.user, route.key), bytes, headers);
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
}

function notAsLong(wanted: number, got: number): FaasmError {
  return new FaasmError('bad_request', `Content-Range tells of ${wanted} bytes and the body has ${got}`);
}
