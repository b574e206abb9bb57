/** Bodies that come packed (`Content-Encoding`), unpacked as they are read; how large they may become is for their reader to say. */
import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

const unpackers: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

export const acceptedEncodings = 'gzip, deflate, br';

/** How the body is packed; nothing where it is not. */
function encodingOf({ headers }: IncomingMessage): string | undefined {
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  return encoding === '' || encoding === 'identity' ? undefined : encoding;
}

/** The error of a body that cannot be unpacked. */
export function refuseEncoding(req: IncomingMessage): FaasmError | undefined {
  const encoding = encodingOf(req);
  if (encoding === undefined || Object.hasOwn(unpackers, encoding)) return undefined;
  return new FaasmError(
    'unsupported_encoding',
    `A body is taken as it is, or packed in one of ${acceptedEncodings}, not in ${quote(encoding)}`,
  );
}

export function isPacked(req: IncomingMessage): boolean {
  return encodingOf(req) !== undefined;
}

/** The body itself: the request where it is not packed. It fails where it is not packed as is said. */
export function toUnpacked(req: IncomingMessage): Readable {
  const encoding = encodingOf(req);
  if (encoding === undefined) return req;
  const unpacker = unpackers[encoding]!();
  req.once('error', (error) => unpacker.destroy(error));
  return req.pipe(unpacker);
}

/** The body in pieces as they come. @throws FaasmError `bad_request` where it is not packed as is said */
export async function* iterateBody(req: IncomingMessage): AsyncGenerator<Uint8Array> {
  const source = toUnpacked(req);
  try {
    yield* (source === req ? req.iterator({ destroyOnReturn: false }) : source) as AsyncIterable<Uint8Array>;
  } catch (thrown) {
    throw source === req ? thrown : notPacked(thrown);
  }
}

export function notPacked(cause: unknown): FaasmError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FaasmError('bad_request', `The body is not packed as its Content-Encoding says: ${why}`, {
    cause,
  });
}
