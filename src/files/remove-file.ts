import { FaasmError } from '../../proto/errors.ts';
import type { FilePath } from '../../proto/file-path.ts';
import type { UserName } from '../../proto/names.ts';
import type { Condition } from '../bus/resource-headers.ts';
import type { FilesContext } from './context.ts';
import { refuseDelete, remove } from './decide.ts';
import { retire } from './retire.ts';
import { tell } from './tell.ts';

/** Also one whose entry is damaged. One change of a user's files at a time. @throws FaasmError why it may not be */
export async function removeFile(
  context: FilesContext,
  user: UserName,
  path: FilePath,
  condition: Condition,
): Promise<void> {
  const { index, store } = context;
  const refused = refuseDelete(index, user, path, condition);
  if (refused !== undefined && !(refused.code === 'not_found' && (await isDamaged(context, user, path))))
    throw refused;
  await store.removeEntry(user, path);
  const before = remove(index, user, path);
  tell(context, user, path);
  if (before !== undefined) retire(context, before.version);
}

async function isDamaged({ store }: FilesContext, user: UserName, path: FilePath): Promise<boolean> {
  try {
    await store.readEntry(user, path);
    return false;
  } catch (thrown) {
    if (FaasmError.from(thrown).code === 'storage_corrupt') return true;
    throw thrown;
  }
}
