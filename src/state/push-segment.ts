/** Pushing: what is dirty in a segment goes to the global tier, in parts. */
import type { StateKey, UserName } from '../../proto/names.ts';
import type { StateStore, StoredValue } from './port.ts';
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
import { nameOf } from './value-name.ts';

/** What is pushed or loaded in one step: 16 MiB, so that no value keeps the others waiting for long. */
export const partBytes = 16 * 1024 * 1024;

/**
 * When it resolves, all that was dirty when it was called is durable; when it throws, that is dirty as before.
 * Up to 16 MiB, and a value that is dirty as a whole, become durable in one step.
 * @returns what the global tier has; nothing: the segment was clean
 * @throws FaasmError `storage_unavailable`
 */
export async function pushSegment(
  store: StateStore,
  user: UserName,
  key: StateKey,
  view: SegmentView,
): Promise<StoredValue | undefined> {
  if (!isDirty(view)) return undefined;
  const dirty = dirtyBytes(view);
  const upload = dirty > partBytes && dirty >= sizeOf(view) ? `push:${nameOf(user, key)}` : undefined;
  let stored: StoredValue | undefined;
  let nextOffset: number | undefined = 0;
  while (nextOffset !== undefined) {
    const from: number = nextOffset;
    const part = await withMutexLater(view, () => takeDirty(view, from, partBytes));
    if (part === undefined) break;
    const { pieces, sizeBytes } = part;
    nextOffset = part.nextOffset;
    try {
      if (upload === undefined) stored = await store.write(user, key, { pieces, sizeBytes });
      else {
        for (const piece of pieces) await store.stage(user, upload, piece);
        if (nextOffset === undefined) stored = await store.commit(user, key, upload, sizeBytes);
      }
    } catch (error) {
      giveBackDirty(view, part);
      if (upload !== undefined) {
        flagDirty(view, 0, view.data.length);
        await store.discard(user, upload).catch(() => {});
      }
      throw error;
    }
  }
  if (stored !== undefined) view.version[0] = stored.version;
  return stored;
}
