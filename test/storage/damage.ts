/** What a disk may do to a file. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Random } from '../random.ts';

/** Changes some bytes somewhere in the file. @returns where */
export function flipBytes(file: string, count: number, random: Random, from = 0): number[] {
  const bytes = readFileSync(file);
  const places = Array.from({ length: count }, () => from + random.below(bytes.length - from));
  for (const at of places) bytes[at]! ^= 1 + random.below(255);
  writeFileSync(file, bytes);
  return places;
}

/** Changes the first byte of this text, wherever it is. */
export function flipText(file: string, text: string): void {
  const bytes = readFileSync(file);
  const wanted = Buffer.from(text);
  let found = 0;
  for (let at = bytes.indexOf(wanted); at !== -1; at = bytes.indexOf(wanted, at + 1)) {
    bytes[at]! ^= 1;
    found++;
  }
  if (found === 0) throw new Error(`${text} is not among the ${statSync(file).size} bytes of ${file}`);
  writeFileSync(file, bytes);
}
