import type { ByteRange } from '../stores/port.ts';

/** Ranges in ascending order, those joined that overlap or have a gap of less than so many bytes between them. */
export function joinRanges(ranges: readonly ByteRange[], gapBytes: number): ByteRange[] {
  const joined: ByteRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.offset - b.offset)) {
    const last = joined.at(-1);
    if (last === undefined || range.offset - (last.offset + last.length) >= gapBytes) joined.push(range);
    else {
      const end = Math.max(last.offset + last.length, range.offset + range.length);
      joined[joined.length - 1] = { offset: last.offset, length: end - last.offset };
    }
  }
  return joined;
}
