/** Request bodies, never larger in memory than a limit, and held once where their length is announced. */
import type { IncomingMessage } from 'node:http';
import { FaasmError } from '../../proto/errors.ts';
import { emptyBody } from '../bus/port.ts';
import { isPacked, notPacked, toUnpacked } from './content-encoding.ts';

/**
 * What is read and thrown away of a body that was refused, so that its sender, who may read the answer only once it
 * has sent all, still gets it. The connection of whoever sends more is closed.
 */
const discardedMaxBytes = 16 * 1024 * 1024;

export interface BodyLimit {
  readonly maxBytes: number;
  /** What to raise for more. */
  readonly setting?: string;
}

/** The error of a body whose announced length is over the limit, known before any of it is read. */
export function refuseLength(req: IncomingMessage, limit: BodyLimit): FaasmError | undefined {
  const length = req.headers['content-length'];
  return length !== undefined && Number(length) > limit.maxBytes ? tooLarge(limit) : undefined;
}

/**
 * Gives the whole body to `done`, or the error `too_large`, and calls it once. A body that arrived in one piece is
 * handed on as it is. When the client goes away before the end, `done` is not called.
 * @param allocate room for a body that comes in pieces, all zeros
 */
export function readRequestBody(
  req: IncomingMessage,
  limit: BodyLimit,
  done: (error: FaasmError | undefined, body: Uint8Array) => void,
  allocate: (byteLength: number) => Uint8Array = (byteLength) => new Uint8Array(byteLength),
): void {
  const refused = refuseLength(req, limit);
  if (refused !== undefined) {
    discardBody(req);
    done(refused, emptyBody);
    return;
  }
  const source = toUnpacked(req);
  const announced = source === req ? Number(req.headers['content-length']) : Number.NaN;
  let whole: Uint8Array | undefined;
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let length = 0;
  let over = false;
  source.on('data', (chunk: Buffer) => {
    if (over) return;
    length += chunk.length;
    if (length > limit.maxBytes) {
      over = true;
      first = rest = whole = undefined;
      if (source !== req) source.destroy();
      discardBody(req);
      done(tooLarge(limit), emptyBody);
    } else if (whole !== undefined) whole.set(chunk, length - chunk.length);
    else if (first === undefined && announced > chunk.length) (whole = allocate(announced)).set(chunk);
    else if (first === undefined) first = chunk;
    else if (rest === undefined) rest = [first, chunk];
    else rest.push(chunk);
  });
  if (source !== req) {
    source.on('error', (error) => {
      discardBody(req);
      done(notPacked(error), emptyBody);
    });
  }
  source.on('end', () => {
    if (over) return;
    done(undefined, whole ?? (rest === undefined ? (first ?? emptyBody) : Buffer.concat(rest, length)));
  });
}

/** @throws FaasmError `too_large` */
export function toWholeBody(req: IncomingMessage, limit: BodyLimit): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    readRequestBody(req, limit, (error, body) => (error === undefined ? resolve(body) : reject(error)));
  });
}

/** Reads what is left of a body and throws it away. */
export function discardBody(req: IncomingMessage): void {
  if (req.readableEnded) return;
  if (isPacked(req)) req.unpipe();
  let left = discardedMaxBytes;
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) req.socket.destroy();
  });
  req.resume();
}

export function tooLarge({ maxBytes, setting }: BodyLimit): FaasmError {
  const wayOut = setting === undefined ? '' : `; raise ${setting}`;
  return new FaasmError(
    'too_large',
    `The body is larger than the ${maxBytes} bytes that are taken here${wayOut}`,
  );
}
