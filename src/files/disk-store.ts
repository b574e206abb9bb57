/**
 * Shared files on the file system, under one root:
 *
 *   contents/<sha256>                      one content, read-only
 *   sums/<sha256>                          the checksums of its blocks
 *   entries/<user>/<sha256 of path>.json   which content is at a path
 *   drafts/<uuid>                          what is not there yet
 *
 * A file is written as a draft, synced, and renamed into its place, whose folder is synced then.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { toUserName } from '../../proto/names.ts';
import { makeFolder } from '../make-folder.ts';
import { toDiskError } from '../storage/disk-error.ts';
import { putInPlace, replaceFile, syncFolder } from '../storage/replace-file.ts';
import { openSealedJson, sealJson } from '../storage/sealed-json.ts';
import { BlockSummer, BlockSums, blockBytes, sumsPath } from './block-sums.ts';
import { contentDamaged, fileDamaged } from './damaged.ts';
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
  const sumsFolder = join(root, 'sums');
  const entryPath = (user: string, path: string) =>
    join(entryFolder, user, `${createHash('sha256').update(path).digest('hex')}.json`);
  await guard(root, async () => {
    for (const folder of [contentFolder, sumsFolder, draftFolder, entryFolder]) await makeFolder(folder);
  });

  async function createDraft(): Promise<ContentDraft> {
    const path = join(draftFolder, randomUUID());
    const file = await guard(path, () => open(path, 'wx', 0o444));
    const hash = createHash('sha256');
    const sums = new BlockSummer();
    let content = '';
    return {
      async append(bytes) {
        hash.update(bytes);
        sums.append(bytes);
        await guard(path, () => file.appendFile(bytes));
      },
      async finish() {
        await guard(path, () => file.sync());
        await file.close();
        content = hash.digest('hex');
        return content;
      },
      keep: () =>
        guard(path, async () => {
          await replaceFile(sumsPath(contentFolder, content), sums.finish(), draftFolder);
          await putInPlace(path, contentPath(content));
        }),
      async abandon() {
        await file.close().catch(() => {});
        await rm(path, { force: true });
      },
    };
  }

  /** Made anew where there are none, as an older release has left it, or where they are damaged. */
  async function sumsOf(content: string): Promise<BlockSums> {
    const known = await readFile(sumsPath(contentFolder, content)).catch(() => undefined);
    const sums = known && BlockSums.from(known);
    if (sums !== undefined) return sums;
    const path = contentPath(content);
    const hash = createHash('sha256');
    const summer = new BlockSummer();
    await guard(path, async () => {
      for await (const piece of createReadStream(path)) {
        hash.update(piece);
        summer.append(piece);
      }
    });
    if (hash.digest('hex') !== content) throw contentDamaged();
    const sumsBytes = summer.finish();
    await replaceFile(sumsPath(contentFolder, content), sumsBytes, draftFolder).catch(() => {});
    return BlockSums.from(Buffer.from(sumsBytes))!;
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
      const file = entryPath(user, path);
      const json = await guard(file, () =>
        readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return undefined;
          throw error;
        }),
      );
      if (json === undefined) return undefined;
      try {
        const stored = toStoredFile(user, json);
        if (stored.path === path) return stored;
      } catch {
        // Told below.
      }
      throw fileDamaged(path);
    },

    async writeEntry({ user, ...entry }) {
      const path = entryPath(user, entry.path);
      await guard(path, async () => {
        await makeFolder(dirname(path));
        await replaceFile(path, sealJson(entry), draftFolder);
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
      const sums = await sumsOf(content);
      const from = Math.floor(offset / blockBytes) * blockBytes;
      const until = Math.ceil((offset + byteLength) / blockBytes) * blockBytes;
      const blocks = await guard(path, () => readRange(path, from, until - from));
      sums.checkAll(from / blockBytes, blocks);
      return blocks.subarray(offset - from, offset - from + byteLength);
    },

    removeContent: (content) =>
      guard(root, async () => {
        await rm(contentPath(content), { force: true });
        await rm(sumsPath(contentFolder, content), { force: true });
      }),

    async sweep(used) {
      const sweptBeforeMs = Date.now() - sweptAfterMs;
      await guard(root, async () => {
        for (const folder of [contentFolder, sumsFolder, draftFolder]) {
          for (const name of await readdir(folder)) {
            if (folder !== draftFolder && used.has(name)) continue;
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
  return { user: toUserName(user), ...toFileDescription(openSealedJson(json)) };
}

/** Fewer bytes at the end. */
async function readRange(path: string, offset: number, byteLength: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(byteLength), 0, byteLength, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unavailable(path, cause);
  }
}

function unavailable(path: string, thrown: unknown): FaasmError {
  if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
    return new FaasmError('not_found', 'The content of a shared file is not there', {
      cause: thrown,
      place: path,
    });
  }
  return toDiskError(thrown, 'The storage of shared files', path);
}
