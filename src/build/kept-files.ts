/**
 * What was made once and will be asked for again: files in a folder, by a key that says all that went into them. Any
 * number of processes use a folder at once. Where it cannot be read or written, all is made again, and that is all.
 *
 *     <folder>/<key>.<ending>    the bytes
 *     <folder>/<key>.txt         what was said as they were made, where anything was
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';

export interface Kept {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
}

export interface KeptFilesOptions {
  /** Made when it is not there. */
  readonly folder: string;
  /** Without the dot, other than `txt`. */
  readonly ending: string;
  /** Of all files together, once pruned; those used longest ago go first. */
  readonly maxBytes: number;
}

/** A file that is still being written after so long never will be whole. */
const draftMaxAgeMs = 3_600_000;

export class KeptFiles {
  readonly #options: KeptFilesOptions;

  constructor(options: KeptFilesOptions) {
    this.#options = options;
  }

  async find(key: string): Promise<Kept | undefined> {
    const path = this.#pathOf(key);
    try {
      const bytes = new Uint8Array(await readFile(path));
      const text = await readFile(this.#pathOf(key, 'txt'), 'utf8').catch(() => '');
      const now = new Date();
      await utimes(path, now, now).catch(() => {});
      return { bytes, text };
    } catch {
      return undefined;
    }
  }

  async keep(key: string, { bytes, text }: Kept): Promise<void> {
    try {
      await makeFolder(this.#options.folder);
      if (text !== '') await replace(this.#pathOf(key, 'txt'), text);
      await replace(this.#pathOf(key), bytes);
    } catch {
      // A folder that is full or may not be written makes nothing wrong.
    }
  }

  async prune(): Promise<void> {
    const { folder, ending, maxBytes } = this.#options;
    const files: { key: string; bytes: number; usedMs: number }[] = [];
    for (const name of await readdir(folder).catch(() => [])) {
      const found = await stat(join(folder, name)).catch(() => undefined);
      if (found === undefined) continue;
      const [key, kind, draft] = name.split('.');
      if (draft !== undefined) {
        if (Date.now() - found.mtimeMs > draftMaxAgeMs) await remove(join(folder, name));
      } else if (kind === ending) files.push({ key: key!, bytes: found.size, usedMs: found.mtimeMs });
    }
    files.sort((one, two) => two.usedMs - one.usedMs);
    let leftBytes = maxBytes;
    for (const { key, bytes } of files) {
      leftBytes -= bytes;
      if (leftBytes >= 0) continue;
      await remove(this.#pathOf(key));
      await remove(this.#pathOf(key, 'txt'));
    }
  }

  #pathOf(key: string, ending: string = this.#options.ending): string {
    return join(this.#options.folder, `${key}.${ending}`);
  }
}

/** Whoever reads it sees all of it or nothing. */
async function replace(path: string, content: string | Uint8Array): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content);
  await rename(draft, path);
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => {});
}
