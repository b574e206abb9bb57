/** JSON with a checksum in it, as its last field `crc32`: of the rest as `JSON.stringify` gives it. */
import { crc32 } from 'node:zlib';

/** @param indent of the text, for people who read the file */
export function sealJson(value: object, indent?: number): string {
  return `${JSON.stringify({ ...value, crc32: sumOf(value) }, null, indent)}\n`;
}

/** What an older release has written has no checksum, and is taken as it is. @throws Error for what is not what was sealed */
export function openSealedJson(text: string): object {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new TypeError('it is no object');
  if (!('crc32' in value)) return value;
  const { crc32: sum, ...rest } = value;
  if (sum === sumOf(rest)) return rest;
  throw new TypeError('it is not what was written');
}

function sumOf(value: object): string {
  return crc32(JSON.stringify(value)).toString(16).padStart(8, '0');
}
