/**
 * The contents of shared files, read from this host's disk when a guest reads them. Nothing is copied ahead or kept
 * here: the kernel's page cache holds what is in use once for all executors, and drops it when memory is wanted.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { fail } from './host/wasi/errno.ts';
import type { FileContent } from './host/wasi/file-tree.ts';

/** For one executor. The process may have many thousands open, and has some dozen executors. */
const openFilesMax = 64;

export class FileContents {
  readonly #folder: string;
  readonly #open = new LRUCache<string, number>({ max: openFilesMax, dispose: (fd) => closeSync(fd) });

  /** @param folder has each content under its name */
  constructor(folder: string) {
    this.#folder = folder;
  }

  content(name: string, byteLength: number): FileContent {
    return { name, byteLength, read: (offset, into) => this.#read(name, offset, into) };
  }

  #read(name: string, offset: number, into: Uint8Array): void {
    try {
      const fd = this.#open.get(name) ?? this.#opened(name);
      for (let at = 0; at < into.length; ) {
        const count = readSync(fd, into, at, into.length - at, offset + at);
        // It is shorter than it was: somebody has damaged it.
        if (count === 0) fail('io');
        at += count;
      }
    } catch (thrown) {
      if (thrown instanceof Error) fail('io');
      throw thrown;
    }
  }

  #opened(name: string): number {
    const fd = openSync(join(this.#folder, name), 'r');
    this.#open.set(name, fd);
    return fd;
  }
}
