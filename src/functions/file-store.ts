/**
 * Functions on the file system, under one root:
 *
 *   modules/<sha256>.wasm          as it was uploaded
 *   users/<user>/<function>.json   its FunctionDescription
 *
 * A file is written beside its place, synced, and renamed into it, so a reader sees the old or the new one, also
 * after a crash and over NFS.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import { toDescription } from './messages.ts';
import type { FunctionStore } from './port.ts';

export interface FileStoreOptions {
  readonly root: string;
  onDamaged(file: string, error: unknown): void;
}

export async function openFileStore({ root, onDamaged }: FileStoreOptions): Promise<FunctionStore> {
  const modulePath = (version: string) => join(root, 'modules', `${version}.wasm`);
  const descriptionPath = (user: string, name: string) => join(root, 'users', user, `${name}.json`);
  await guard(root, async () => {
    await mkdir(join(root, 'modules'), { recursive: true });
    await mkdir(join(root, 'users'), { recursive: true });
  });

  return {
    async list() {
      const found: FunctionDescription[] = [];
      const files = await guard(root, () =>
        readdir(join(root, 'users'), { recursive: true, withFileTypes: true }),
      );
      for (const file of files) {
        if (!file.isFile() || !file.name.endsWith('.json')) continue;
        const path = join(file.parentPath, file.name);
        try {
          found.push(toDescription(JSON.parse(await readFile(path, 'utf8'))));
        } catch (error) {
          onDamaged(path, error);
        }
      }
      return found;
    },

    async readModule(version) {
      const path = modulePath(version);
      const bytes = await guard(path, () => readFile(path));
      if (sha256(bytes) === version) return bytes;
      throw new FaasmError(
        'storage_unavailable',
        `${path} is damaged: its sha256 is not its name; upload it again`,
      );
    },

    writeModule: (version, bytes) => guard(root, () => replaceFile(modulePath(version), bytes)),

    removeModule: (version) => guard(root, () => rm(modulePath(version), { force: true })),

    writeDescription(description) {
      const path = descriptionPath(description.user, description.name);
      return guard(path, async () => {
        await mkdir(dirname(path), { recursive: true });
        await replaceFile(path, Buffer.from(`${JSON.stringify(description, null, 2)}\n`));
      });
    },

    removeDescription: (user, name) => guard(root, () => rm(descriptionPath(user, name), { force: true })),
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    const file = await open(draft, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new FaasmError(
      missing ? 'not_found' : 'storage_unavailable',
      `Function storage at ${path}: ${text}`,
      { cause },
    );
  }
}
