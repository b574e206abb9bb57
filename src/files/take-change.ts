import type { FilePath } from '../../proto/file-path.ts';
import type { UserName } from '../../proto/names.ts';
import type { FilesContext } from './context.ts';
import { fileAt, put, remove } from './decide.ts';
import { retire } from './retire.ts';
import { tellInside } from './tell.ts';

/** Another host may have changed the file. @throws FaasmError `storage_corrupt`, `storage_unavailable` */
export async function takeChange(context: FilesContext, user: UserName, path: FilePath): Promise<void> {
  const { index, store, gates } = context;
  await gates.run(user, async () => {
    const stored = await store.readEntry(user, path);
    if (stored?.version === fileAt(index, user, path)?.version) return;
    const before = remove(index, user, path);
    if (stored !== undefined) {
      const { user: _, ...file } = stored;
      put(index, user, file);
    }
    tellInside(context, user);
    if (before !== undefined) retire(context, before.version);
  });
}
