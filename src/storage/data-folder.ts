/** The folder that a host keeps all of its own in. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { makeFolder } from '../make-folder.ts';

const reasons: Readonly<Record<string, string>> = {
  EEXIST: 'it is a file, not a folder',
  ENOTDIR: 'a part of it is a file, not a folder',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the disk can only be read',
  ENOSPC: 'the disk is full',
};

/** Makes it where it is not there. @throws FaasmError `storage_unavailable` that says why nothing can be kept there */
export async function openDataFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
    await access(path, constants.W_OK);
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const why = reasons[code] ?? message;
    throw new FaasmError(
      'storage_unavailable',
      `Cannot keep data in ${quote(path)}: ${why}; set FAASM_DATA (--data) to a folder that can be written`,
      { details: { component: 'host' }, cause },
    );
  }
}
