import type { FilesPorts } from './context.ts';
import { createFileIndex, type FileIndex, put, refusePut } from './decide.ts';

/** What the store has, without what a crash has left in it. */
export async function loadIndex({ store, config, log }: FilesPorts): Promise<FileIndex> {
  const index = createFileIndex();
  for (const { user, ...file } of await store.list()) {
    const error = refusePut(index, user, file.path, 0, {}, config.limits);
    // Quotas may be lower than they were.
    if (error?.code !== 'conflict') put(index, user, file);
    else log.error({ user, path: file.path, err: error.message }, 'a shared file is left out');
  }
  await store.sweep(new Set(index.contents.keys()));
  return index;
}
