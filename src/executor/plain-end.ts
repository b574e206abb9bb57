/** The end of most calls: it returned 0, and there is nothing to tell but its output and how long it ran. */
import type { CallEnd } from '../../proto/call.ts';

/** As a posted message; a ring has the same. */
export type PlainEnd = readonly [slot: number, output: Uint8Array, ranUs: number];

const told: ReadonlySet<string> = new Set<keyof CallEnd>(['output', 'returnValue', 'ranUs']);

export function isPlain(end: CallEnd): boolean {
  if (end.returnValue !== 0) return false;
  for (const field in end) {
    if (!told.has(field) && end[field as keyof CallEnd] !== undefined) return false;
  }
  return true;
}

export function fromPlain(output: Uint8Array, ranUs: number): CallEnd {
  return { output, returnValue: 0, ranUs };
}
