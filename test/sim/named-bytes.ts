/** Named bytes and shared files in memory, as a simulated world keeps them. */
import { createHash } from 'node:crypto';
import { FaasmError } from '../../proto/errors.ts';
import type { FileStore, StoredFile } from '../../src/files/port.ts';
import type { BlobStore } from '../../src/storage/blobs.ts';

interface Blob {
  readonly bytes: Uint8Array;
  readonly tag: string;
  readonly modifiedMs: number;
}

/** @param nowMs Unix milliseconds */
export function createSimBlobs(nowMs: () => number): BlobStore {
  const blobs = new Map<string, Blob>();
  let last = 0;
  return {
    place: 'sim',
    async get(name) {
      const found = blobs.get(name);
      return found && { bytes: found.bytes, tag: found.tag };
    },
    async put(name, bytes, expected) {
      const before = blobs.get(name);
      if (expected !== undefined && (before?.tag ?? null) !== expected) {
        throw new FaasmError('precondition_failed', `${name} has changed meanwhile`);
      }
      const tag = String(++last);
      blobs.set(name, { bytes: new Uint8Array(bytes), tag, modifiedMs: nowMs() });
      return tag;
    },
    async delete(name) {
      blobs.delete(name);
    },
    async list(prefix) {
      return [...blobs]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, { tag, modifiedMs }]) => ({ name, tag, modifiedMs }));
    },
    async close() {},
  };
}

/** Of one host. */
export function createSimFiles(): FileStore {
  const entries = new Map<string, StoredFile>();
  const contents = new Map<string, Uint8Array>();
  const keyOf = (user: string, path: string): string => `${user} ${path}`;
  return {
    contentFolder: '/sim/files',
    list: async () => [...entries.values()],
    readEntry: async (user, path) => entries.get(keyOf(user, path)),
    async writeEntry(file) {
      entries.set(keyOf(file.user, file.path), file);
    },
    async removeEntry(user, path) {
      entries.delete(keyOf(user, path));
    },
    async createDraft() {
      const parts: Uint8Array[] = [];
      let version = '';
      return {
        async append(bytes) {
          parts.push(new Uint8Array(bytes));
        },
        async finish() {
          version = createHash('sha256').update(Buffer.concat(parts)).digest('hex');
          return version;
        },
        async keep() {
          contents.set(version, new Uint8Array(Buffer.concat(parts)));
        },
        async abandon() {},
      };
    },
    async readContent(content, offset, byteLength) {
      const bytes = contents.get(content);
      if (bytes === undefined) throw new FaasmError('not_found', `There is no content ${content}`);
      return bytes.slice(offset, offset + byteLength);
    },
    async removeContent(content) {
      contents.delete(content);
    },
    async sweep(used) {
      for (const content of contents.keys()) if (!used.has(content)) contents.delete(content);
    },
  };
}
