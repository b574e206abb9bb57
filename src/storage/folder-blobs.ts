/**
 * Named bytes as files of a folder, which may be on NFS. A file is written beside its place, synced, and renamed into
 * it; a write under a condition holds a lock file meanwhile.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { BlobInfo, BlobStore, WriteTag } from './blobs.ts';
import { toDiskError } from './disk-error.ts';
import { withFileLock } from './file-lock.ts';
import { replaceFile, syncFolder } from './replace-file.ts';

const isOurs = (file: string): boolean => !file.endsWith('.draft') && !file.endsWith('.lock');

/** @throws FaasmError `storage_unavailable` when the folder cannot be made */
export async function openFolderBlobs(root: string): Promise<BlobStore> {
  const pathOf = (name: string): string => join(root, ...name.split('/'));
  await guard(root, () => makeFolder(root));

  return {
    place: root,

    async get(name) {
      const path = pathOf(name);
      return await guard(path, async () => {
        // The tag of what may be replaced in between would be that of another content.
        for (;;) {
          const before = await tagAt(path);
          if (before === undefined) return undefined;
          const bytes = await readFile(path).catch(whereThere);
          if (bytes !== undefined && (await tagAt(path)) === before) return { bytes, tag: before };
        }
      });
    },

    async put(name, bytes, expected) {
      const path = pathOf(name);
      return await guard(path, async () => {
        await makeFolder(dirname(path));
        if (expected === undefined) return await replace(path, bytes);
        return await withFileLock(`${path}.lock`, async () => {
          check(path, await tagAt(path), expected);
          return await replace(path, bytes);
        });
      });
    },

    async delete(name) {
      const path = pathOf(name);
      await guard(path, async () => {
        await rm(path, { force: true });
        await syncFolder(dirname(path)).catch(whereThere);
      });
    },

    async list(prefix) {
      return await guard(root, async () => {
        const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
        const files = await readdir(pathOf(folder), { recursive: true, withFileTypes: true }).catch(
          whereThere,
        );
        const names = (files ?? [])
          .filter((file) => file.isFile() && isOurs(file.name))
          .map((file) =>
            join(file.parentPath, file.name)
              .slice(root.length + 1)
              .replaceAll('\\', '/'),
          );
        const found = names
          .filter((name) => name.startsWith(prefix))
          .map((name) => infoAt(pathOf(name), name));
        return (await Promise.all(found)).filter((info) => info !== undefined);
      });
    },

    async close() {},
  };
}

async function replace(path: string, bytes: Uint8Array): Promise<string> {
  await replaceFile(path, bytes);
  return (await tagAt(path)) ?? '';
}

/** A file that is renamed into a place is another one than was there before. */
async function tagAt(path: string): Promise<string | undefined> {
  return (await infoAt(path, path))?.tag;
}

async function infoAt(path: string, name: string): Promise<BlobInfo | undefined> {
  const found = await stat(path, { bigint: true }).catch(whereThere);
  if (found === undefined) return undefined;
  return { name, tag: `${found.ino}-${found.mtimeNs}-${found.size}`, modifiedMs: Number(found.mtimeMs) };
}

function check(path: string, tag: string | undefined, expected: Exclude<WriteTag, undefined>): void {
  if ((tag ?? null) === expected) return;
  throw new FaasmError('precondition_failed', 'It was changed meanwhile, or is there already', {
    place: path,
  });
}

function whereThere(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw toDiskError(thrown, 'The folder of functions', path);
  }
}
