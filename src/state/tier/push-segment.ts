/** Pushing: what is dirty in a segment goes to the global tier, in parts. */
import type { StateKey, UserName } from '../../../proto/names.ts';
import { nameOf } from '../core/value-name.ts';
import type { ChangedValue, Piece, StateStore, ValueChange } from '../stores/port.ts';
import {
  dirtyBytes,
  flagDirty,
  giveBackDirty,
  isDirty,
  type SegmentView,
  sizeOf,
  takeDirty,
} from './segment.ts';
import { withMutexLater } from './segment-mutex.ts';
import type { Twin } from './twin.ts';

/** What is pushed or loaded in one step: 16 MiB, so that no value keeps the others waiting for long. */
export const partBytes = 16 * 1024 * 1024;
/** Runs of changed bytes that are written in one step. */
const piecesMax = 20_000;

export interface PushedValue {
  readonly user: UserName;
  readonly key: StateKey;
  readonly view: SegmentView;
  /** The size that the global tier has, as far as is known. */
  readonly storedBytes: number;
  /** Nothing: this host alone writes, and dirty chunks go as they are. */
  readonly twin: Twin | undefined;
  /** No other host writes. */
  readonly exclusive: boolean;
  /** Of the lock that an owner of this host writes under. */
  readonly fence: number | undefined;
}

/**
 * When it resolves, all that was dirty when it was called is durable; when it throws, that is dirty as before.
 * Up to 16 MiB, and a value that is dirty as a whole, become durable in one step.
 * @returns the size that was pushed; nothing: there was nothing to push
 * @throws FaasmError `storage_unavailable`; `precondition_failed` when another host has deleted the value; `lock_lost`
 */
export async function pushSegment(store: StateStore, value: PushedValue): Promise<number | undefined> {
  const { user, key, view, twin } = value;
  if (!isDirty(view)) return undefined;
  const dirty = dirtyBytes(view);
  const upload = dirty > partBytes && dirty >= sizeOf(view) ? `push:${nameOf(user, key)}` : undefined;
  const isStored = !value.exclusive && view.version[0] !== 0;
  const fence = value.fence === undefined ? {} : { fence: value.fence };
  const condition = { ...(isStored && ({ expectVersion: 'any' } as const)), ...fence };
  let pushedBytes = value.storedBytes;
  let nextOffset: number | undefined = 0;
  while (nextOffset !== undefined) {
    const from: number = nextOffset;
    const part = await withMutexLater(view, () => takeDirty(view, from, partBytes));
    if (part === undefined) break;
    const { pieces, sizeBytes } = part;
    nextOffset = part.nextOffset;
    try {
      if (upload === undefined) {
        for (const change of toChanges(value, pieces, sizeBytes, pushedBytes)) {
          follow(view, await store.write(user, key, change, condition));
        }
      } else {
        for (const piece of pieces) await store.stage(user, upload, piece);
        if (nextOffset === undefined) follow(view, await store.commit(user, key, upload, sizeBytes, fence));
      }
      for (const piece of pieces) twin?.set(piece);
      twin?.cut(sizeBytes);
      pushedBytes = sizeBytes;
    } catch (error) {
      giveBackDirty(view, part);
      if (upload !== undefined) {
        flagDirty(view, 0, view.data.length);
        await store.discard(user, upload).catch(() => {});
      }
      throw error;
    }
  }
  return pushedBytes;
}

/**
 * The version is that of the bytes here only if no other host made a change in between; otherwise it stays, and what
 * was changed since then is brought in by the next pull.
 */
function follow(view: SegmentView, { version, previousVersion = 0 }: ChangedValue): void {
  if (previousVersion === view.version[0]) view.version[0] = version;
}

function toChanges(
  { view, twin, exclusive }: PushedValue,
  pieces: readonly Piece[],
  sizeBytes: number,
  storedBytes: number,
): ValueChange[] {
  if (exclusive) return [{ pieces, sizeBytes }];
  const written = twin === undefined ? pieces : pieces.flatMap((piece) => twin.differences(piece));
  const isCut = sizeBytes < storedBytes;
  const isGrown = sizeBytes > storedBytes;
  const size = isCut ? { sizeBytes } : isGrown ? { minSizeBytes: sizeBytes } : {};
  if (written.length === 0 && !isCut && !isGrown && view.version[0] !== 0) return [];
  if (written.length <= piecesMax) return [{ pieces: written, ...size }];
  const changes: ValueChange[] = [];
  for (let at = 0; at < written.length; at += piecesMax) {
    changes.push({ pieces: written.slice(at, at + piecesMax), ...(at === 0 && size) });
  }
  return changes;
}
