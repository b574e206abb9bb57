/** Files that are there as a whole or not at all, also after a crash and over NFS, and stay once that was said. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** @param draftFolder on the same file system; it exists @default the folder of the path */
export async function replaceFile(
  path: string,
  bytes: Uint8Array | string,
  draftFolder = dirname(path),
): Promise<void> {
  const draft = join(draftFolder, `${randomUUID()}.draft`);
  try {
    const file = await open(draft, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await putInPlace(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** @param draft a file that was synced */
export async function putInPlace(draft: string, path: string): Promise<void> {
  await rename(draft, path);
  await syncFolder(dirname(path));
}

/** Makes it last which files are in the folder. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
