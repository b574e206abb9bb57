/**
 * Functions on the file system, under one root:
 *
 *   modules/<sha256>.wasm                                     as it was uploaded
 *   users/<user>/<function>.json                              its FunctionDescription
 *   protos/<user>/<function>/<sha256>-<fingerprint>.proto     its Proto-Faaslet, as in proto-file.ts
 *
 * A file is written beside its place, synced, and renamed into it, so a reader sees the old or the new one, also
 * after a crash and over NFS.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import { replaceFile, syncFolder } from '../storage/replace-file.ts';
import { toDescription } from './messages.ts';
import type { FunctionStore, ProtoName } from './port.ts';
import { sha256 } from './sha256.ts';

export interface FileStoreOptions {
  readonly root: string;
  onDamaged(file: string, error: unknown): void;
}

export async function openFileStore({ root, onDamaged }: FileStoreOptions): Promise<FunctionStore> {
  const modulePath = (version: string) => join(root, 'modules', `${version}.wasm`);
  const descriptionPath = (user: string, name: string) => join(root, 'users', user, `${name}.json`);
  const protoFolder = (user: string, name: string) => join(root, 'protos', user, name);
  const protoPath = ({ user, name, version, fingerprint }: ProtoName) =>
    join(protoFolder(user, name), `${version}-${fingerprint}.proto`);
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

    writeModule: (version, bytes) => guard(root, () => replace(modulePath(version), bytes)),

    removeModule: (version) => guard(root, () => rm(modulePath(version), { force: true })),

    writeDescription(description) {
      const path = descriptionPath(description.user, description.name);
      const bytes = Buffer.from(`${JSON.stringify(description, null, 2)}\n`);
      return guard(path, () => replace(path, bytes));
    },

    removeDescription(user, name) {
      const path = descriptionPath(user, name);
      return guard(path, async () => {
        await rm(path, { force: true });
        await syncFolder(dirname(path));
      });
    },

    async readProto(proto) {
      const path = protoPath(proto);
      try {
        return await guard(path, () => readFile(path));
      } catch (error) {
        if (error instanceof FaasmError && error.code === 'not_found') return undefined;
        throw error;
      }
    },

    writeProto(proto, bytes) {
      const path = protoPath(proto);
      const isOther = (file: string) =>
        file.startsWith(`${proto.version}-`) && file.endsWith('.proto') && file !== basename(path);
      return guard(path, async () => {
        await replace(path, bytes);
        await removeFiles(dirname(path), isOther);
      });
    },

    keepProtos(user, name, versions) {
      const folder = protoFolder(user, name);
      return guard(folder, async () => {
        if (versions.length === 0) await rm(folder, { recursive: true, force: true });
        else await removeFiles(folder, (file) => !versions.some((each) => file.startsWith(`${each}-`)));
      });
    },
  };
}

/** Those of a folder that may not be there. */
async function removeFiles(folder: string, isWanted: (file: string) => boolean): Promise<void> {
  const files = await readdir(folder).catch((): string[] => []);
  for (const file of files) if (isWanted(file)) await rm(join(folder, file), { force: true });
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, bytes);
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
