/** Pulling: what the global tier has comes into a segment, whole or as far as it was changed, in parts. */
import { FaasmError } from '../../../proto/errors.ts';
import type { StateKey, UserName } from '../../../proto/names.ts';
import { joinRanges } from '../core/ranges.ts';
import { showValue } from '../core/value-name.ts';
import {
  chunkBytes,
  type Piece,
  type StateStore,
  type StoredBytes,
  type ValueChanges,
} from '../stores/port.ts';
import { partBytes } from './push-segment.ts';
import { capacityOf, isDirtyAt, isMapped, type SegmentView, sizeOf, word } from './segment.ts';
import type { Twin } from './twin.ts';

/** Into a new segment. @param first what the value begins with @throws FaasmError `conflict` when it changes meanwhile */
export async function fillSegment(
  store: StateStore,
  view: SegmentView,
  user: UserName,
  key: StateKey,
  first: StoredBytes,
): Promise<void> {
  view.data.set(first.bytes);
  for (let at = first.bytes.length; at < first.sizeBytes; at += partBytes) {
    const part = await store.get(user, key, at, partBytes);
    if (part?.version !== first.version) {
      throw new FaasmError('conflict', `State ${showValue(user, key)} changed while it was read; try again`);
    }
    view.data.set(part.bytes, at);
  }
  view.words[word.size] = first.sizeBytes;
  view.version[0] = first.version;
}

/** What was changed; it may be of a later version than was asked about: the next look finds that out. */
export async function readChanges(
  store: StateStore,
  user: UserName,
  key: StateKey,
  { ranges, sizeBytes }: ValueChanges,
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const { offset, length } of joinRanges(ranges, chunkBytes)) {
    const end = Math.min(offset + length, sizeBytes);
    for (let at = offset; at < end; at += partBytes) {
      const found = await store.get(user, key, at, Math.min(partBytes, end - at));
      if (found !== undefined) pieces.push({ offset: at, bytes: found.bytes });
    }
  }
  return pieces;
}

/**
 * Under the mutex. Where bytes were written here and not pushed yet, they stay.
 * @param storedBytes the size that the global tier had, as far as was known
 */
export function takeChanges(
  view: SegmentView,
  twin: Twin | undefined,
  storedBytes: number,
  changes: ValueChanges,
  pieces: readonly Piece[],
): void {
  const size = sizeOf(view);
  const newSize = size === storedBytes ? changes.sizeBytes : Math.max(size, changes.sizeBytes);
  for (const piece of pieces) takePiece(view, twin, piece);
  twin?.cut(changes.sizeBytes);
  if (newSize < size) view.data.fill(0, newSize, size);
  view.words[word.size] = newSize;
  view.version[0] = changes.version;
}

function takePiece(view: SegmentView, twin: Twin | undefined, { offset, bytes }: Piece): void {
  const end = Math.min(offset + bytes.length, capacityOf(view));
  for (let at = offset; at < end; ) {
    const next = Math.min(end, (Math.floor(at / chunkBytes) + 1) * chunkBytes);
    const part: Piece = { offset: at, bytes: bytes.subarray(at - offset, next - offset) };
    at = next;
    if (isDirtyAt(view, part.offset) || (twin !== undefined && isMapped(view))) twin?.merge(part, view.data);
    else {
      view.data.set(part.bytes, part.offset);
      twin?.set(part);
    }
  }
}
