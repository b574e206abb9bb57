import type { Readable } from 'node:stream';
import { FaasmError } from '../../proto/errors.ts';

/** @throws FaasmError `too_large` */
export async function readAll(stream: Readable, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw new FaasmError('too_large', `There are more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
