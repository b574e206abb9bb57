import { FaasmError } from '../../proto/errors.ts';
import type { FilePath } from '../../proto/file-path.ts';
import type { FileDescription } from '../../proto/messages.ts';
import { quote, type UserName } from '../../proto/names.ts';
import type { FoundPart, Part } from '../bus/resource-headers.ts';
import type { FilesContext } from './context.ts';
import { fileDamaged } from './damaged.ts';
import { fileAt, noFile } from './decide.ts';

/** @throws FaasmError `not_found`, and `storage_corrupt` for one that is in no list as its entry is damaged */
export async function find(
  { index, store }: FilesContext,
  user: UserName,
  path: FilePath,
): Promise<FileDescription> {
  const found = fileAt(index, user, path);
  if (found !== undefined) return found;
  await store.readEntry(user, path);
  throw noFile(user, path);
}

/** @throws FaasmError of `find`; `storage_corrupt` for a content that is damaged, or gone though a file has it */
export async function readFilePart(
  context: FilesContext,
  user: UserName,
  path: FilePath,
  { offset, length }: Part,
): Promise<FoundPart> {
  const { store, log } = context;
  const { version, sizeBytes } = await find(context, user, path);
  const byteLength = Math.max(0, Math.min(length, sizeBytes - offset));
  try {
    const bytes = await store.readContent(version, offset, byteLength);
    if (bytes.length === byteLength) return { what: `File ${quote(path)}`, bytes, sizeBytes, version };
  } catch (thrown) {
    const error = FaasmError.from(thrown);
    if (error.code !== 'not_found' && error.code !== 'storage_corrupt') throw error;
    log.error({ err: error, path, version }, 'a shared file is damaged');
  }
  throw fileDamaged(path);
}
