/** Results on standard output. */
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FaasmError } from '../../proto/errors.ts';
import { readAll } from './read-all.ts';

/** A result as JSON is held as a whole. */
const jsonBytesMax = 256 * 1024 * 1024;

export function printJson(stdout: Writable, value: unknown): void {
  stdout.write(`${JSON.stringify(value)}\n`);
}

/** Exactly these bytes. @throws FaasmError when they end too soon */
export async function printBytes(stdout: Writable, body: Readable): Promise<void> {
  try {
    await pipeline(body, stdout, { end: false });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EPIPE') return;
    throw new FaasmError('no_responders', 'The host broke off in the middle of its answer', { cause });
  }
}

/** Bytes in JSON: as text where they are UTF-8. @throws FaasmError `too_large` */
export async function toJsonBytes(
  body: Readable,
): Promise<{ sizeBytes: number; encoding: 'utf8' | 'base64'; data: string }> {
  const bytes = Buffer.from(await readAll(body, jsonBytesMax));
  const text = bytes.toString('utf8');
  const isText = Buffer.from(text, 'utf8').equals(bytes);
  return {
    sizeBytes: bytes.length,
    encoding: isText ? 'utf8' : 'base64',
    data: isText ? text : bytes.toString('base64'),
  };
}

/** Rows of cells under each other, with a row of titles on top. */
export function toTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, ...rows];
  const widths = titles.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

export const toTime = (unixMs: number): string => new Date(unixMs).toISOString().replace(/\.\d+Z$/, 'Z');
