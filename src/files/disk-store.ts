/**
 * Shared files on the file system, under one root:
 *
 *   contents/<sha256>                      one content, read-only
 *   entries/<user>/<sha256 of path>.json   which content is at a path
 *   drafts/<uuid>                          what is not there yet
 *
 * A file is written as a draft, synced, and renamed into its place, whose folder is synced then.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { toUserName } from '../../proto/names.ts';
import { putInPlace, replaceFile, syncFolder } from '../storage/replace-file.ts';
import { toFileDescription } from './messages.ts';
import type { ContentDraft, FileStore, StoredFile } from './port.ts';

export interface DiskStoreOptions {
  readonly root: string;
  onDamaged(file: string, error: unknown): void;
}

/** Others may share the folder: a content of theirs is there some time before its entry is. */
const sweptAfterMs = 60 * 60 * 1000;

export async function openDiskStore({ root, onDamaged }: DiskStoreOptions): Promise<FileStore> {
  const contentFolder = join(root, 'contents');
  const draftFolder = join(root, 'drafts');
  const entryFolder = join(root, 'entries');
  const contentPath = (content: string) => join(contentFolder, content);
  const entryPath = (user: string, path: string) =>
    join(entryFolder, user, `${createHash('sha256').update(path).digest('hex')}.json`);
  await guard(root, async () => {
    for (const folder of [contentFolder, draftFolder, entryFolder]) await mkdir(folder, { recursive: true });
  });

  async function createDraft(): Promise<ContentDraft> {
    const path = join(draftFolder, randomUUID());
    const file = await guard(path, () => open(path, 'wx', 0o444));
    const hash = createHash('sha256');
    let content = '';
    return {
      async append(bytes) {
        hash.update(bytes);
        await guard(path, () => file.appendFile(bytes));
      },
      async finish() {
        await guard(path, () => file.sync());
        await file.close();
        content = hash.digest('hex');
        return content;
      },
      keep: () => guard(path, () => putInPlace(path, contentPath(content))),
      async abandon() {
        await file.close().catch(() => {});
        await rm(path, { force: true });
      },
    };
  }

  return {
    contentFolder,
    createDraft,

    async list() {
      const found: StoredFile[] = [];
      const files = await guard(entryFolder, () =>
        readdir(entryFolder, { recursive: true, withFileTypes: true }),
      );
      for (const file of files) {
        if (!file.isFile() || !file.name.endsWith('.json')) continue;
        const path = join(file.parentPath, file.name);
        try {
          const stored = toStoredFile(basename(file.parentPath), await readFile(path, 'utf8'));
          if (path !== entryPath(stored.user, stored.path)) throw new TypeError('its name is another');
          found.push(stored);
        } catch (error) {
          onDamaged(path, error);
        }
      }
      return found;
    },

    async readEntry(user, path) {
      try {
        return toStoredFile(user, await readFile(entryPath(user, path), 'utf8'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw unavailable(entryPath(user, path), error);
      }
    },

    async writeEntry({ user, ...entry }) {
      const path = entryPath(user, entry.path);
      await guard(path, async () => {
        await mkdir(dirname(path), { recursive: true });
        await replaceFile(path, `${JSON.stringify(entry)}\n`, draftFolder);
      });
    },

    removeEntry: (user, path) =>
      guard(root, async () => {
        const file = entryPath(user, path);
        await rm(file, { force: true });
        await syncFolder(dirname(file));
      }),

    async readContent(content, offset, byteLength) {
      const path = contentPath(content);
      return guard(path, async () => {
        const file = await open(path, 'r');
        try {
          const { buffer, bytesRead } = await file.read(new Uint8Array(byteLength), 0, byteLength, offset);
          return buffer.subarray(0, bytesRead);
        } finally {
          await file.close();
        }
      });
    },

    removeContent: (content) => guard(root, () => rm(contentPath(content), { force: true })),

    async sweep(used) {
      const sweptBeforeMs = Date.now() - sweptAfterMs;
      await guard(root, async () => {
        for (const folder of [contentFolder, draftFolder]) {
          for (const name of await readdir(folder)) {
            if (folder === contentFolder && used.has(name)) continue;
            const path = join(folder, name);
            const found = await stat(path).catch(() => undefined);
            if (found !== undefined && found.mtimeMs < sweptBeforeMs) await rm(path, { force: true });
          }
        }
      });
    },
  };
}

function toStoredFile(user: string, json: string): StoredFile {
  return { user: toUserName(user), ...toFileDescription(JSON.parse(json)) };
}

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unavailable(path, cause);
  }
}

function unavailable(path: string, cause: unknown): FaasmError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  const text = cause instanceof Error ? cause.message : String(cause);
  return new FaasmError(missing ? 'not_found' : 'storage_unavailable', `Shared files at ${path}: ${text}`, {
    cause,
  });
}
