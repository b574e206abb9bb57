/** Answers larger than a message, a piece at a time: the next is asked for once the client has taken the one before. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { FaasmError } from '../../proto/errors.ts';
import { type BusMessage, toBytes } from '../bus/port.ts';
import { type Part, readSize, readVersion, toPartHeaders } from '../bus/resource-headers.ts';
import { ask, type HttpParts } from './exchange.ts';
import { pieceBytesOf } from './pieces.ts';

/** A piece of what a subject gives, from the start of the range. @throws the FaasmError that it answers with */
export function readPiece(parts: HttpParts, subject: string, { offset, length }: Part): Promise<BusMessage> {
  const piece = { offset, length: Math.min(length, pieceBytesOf(parts.bus)) };
  return ask(parts, subject, undefined, toPartHeaders(piece));
}

/** The size of the whole that a piece is of, in bytes. */
export function sizeOf(piece: BusMessage, offset: number): number {
  return readSize(piece) ?? offset + toBytes(piece.body).length;
}

/**
 * Writes the range to an answer whose head is out, beginning with the piece that came first.
 * @throws FaasmError `conflict` when the value has changed in between
 */
export async function sendPieces(
  parts: HttpParts,
  subject: string,
  range: Part,
  first: BusMessage,
  res: ServerResponse,
): Promise<void> {
  const version = readVersion(first);
  let sent = 0;
  for (let piece = first; ; ) {
    const bytes = toBytes(piece.body);
    sent += bytes.length;
    if (sent >= range.length) {
      res.end(bytes);
      return;
    }
    if (bytes.length === 0) throw changed();
    if (!(await writeOut(res, bytes, parts.config.stallTimeoutMs))) return;
    const rest = { offset: range.offset + sent, length: range.length - sent };
    piece = await readPiece(parts, subject, rest);
    if (readVersion(piece) !== version) throw changed();
  }
}

/** Resolves when more may be written, or with false when the client has gone or takes nothing for too long. */
export async function writeOut(
  res: ServerResponse,
  bytes: Uint8Array | string,
  stallTimeoutMs: number,
): Promise<boolean> {
  if (!res.write(bytes) && !res.destroyed) await drained(res, stallTimeoutMs);
  return !res.destroyed;
}

async function drained(res: ServerResponse, stallTimeoutMs: number): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  const stall = setTimeout(() => res.destroy(), stallTimeoutMs);
  try {
    await Promise.race([once(res, 'drain', { signal }), once(res, 'close', { signal })]);
  } finally {
    clearTimeout(stall);
    settled.abort();
  }
}

function changed(): FaasmError {
  return new FaasmError('conflict', 'The value changed while it was sent; ask again');
}
