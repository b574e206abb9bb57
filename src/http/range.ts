/** Byte ranges of RFC 9110, section 14, as far as they are needed: one range of bytes. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import type { Part } from '../bus/resource-headers.ts';

const rangePattern = /^bytes=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i;
const contentRangePattern = /^bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i;

/**
 * What a `Range` header selects of a value of a given size: a part, or `unsatisfiable`.
 * Nothing for several ranges or a header that is not understood: RFC 9110 lets a server answer those with the whole.
 */
export function toRange(text: string, sizeBytes: number): Part | 'unsatisfiable' | undefined {
  const match = rangePattern.exec(text);
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { offset: sizeBytes - length, length };
  }
  const offset = Number(first);
  if (last !== '' && Number(last) < offset) return undefined;
  if (offset >= sizeBytes) return 'unsatisfiable';
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return { offset, length: end - offset };
}

/** Where the body of a write belongs, from its `Content-Range` header. @throws FaasmError `bad_request` */
export function fromContentRange(text: string): Part {
  const match = contentRangePattern.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2]);
  const total = match?.[3] === undefined || match[3] === '*' ? Number.POSITIVE_INFINITY : Number(match[3]);
  if (match !== null && first <= last && last < total) return { offset: first, length: last - first + 1 };
  throw new FaasmError(
    'bad_request',
    `Bad Content-Range ${quote(text)}: write bytes FIRST-LAST/TOTAL, as in bytes 0-99/1000 or bytes 0-99/*`,
  );
}
