/**
 * The contents of shared files, read from this host's disk when a guest reads them. Nothing is copied ahead or kept
 * here: the kernel's page cache holds what is in use once for all executors, and drops it when memory is wanted.
 *
 * A block is verified when it is read for the first time while its file is open here; after that it costs nothing.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { BlockSums, blockBytes, sumsPath } from '../../files/block-sums.ts';
import { contentDamaged } from '../../files/damaged.ts';
import { fail } from '../wasi/errno.ts';
import type { FileContent } from '../wasi/file-tree.ts';

/** For one executor. The process may have many thousands open, and has some dozen executors. */
const openFilesMax = 64;
const hashStepBytes = 1024 * 1024;

interface OpenContent {
  readonly fd: number;
  /** Nothing where it was verified as a whole, for want of sums. */
  readonly sums: BlockSums | undefined;
  /** 1 for each block that was verified. */
  readonly verified: Uint8Array;
}

export class FileContents {
  readonly #folder: string;
  readonly #open = new LRUCache<string, OpenContent>({
    max: openFilesMax,
    dispose: ({ fd }) => closeSync(fd),
  });
  readonly #block = new Uint8Array(blockBytes);

  /** @param folder has each content under its name */
  constructor(folder: string) {
    this.#folder = folder;
  }

  content(name: string, byteLength: number): FileContent {
    return { name, byteLength, read: (offset, into) => this.#read(name, offset, into) };
  }

  /** The guest is told of an error of input and output where the content is damaged or gone. */
  #read(name: string, offset: number, into: Uint8Array): void {
    try {
      const open = this.#open.get(name) ?? this.#opened(name);
      this.#verify(open, offset, into.length);
      readAll(open.fd, offset, into);
    } catch (thrown) {
      // Whoever repairs it puts another file in its place.
      this.#open.delete(name);
      if (thrown instanceof Error) fail('io');
      throw thrown;
    }
  }

  #verify({ fd, sums, verified }: OpenContent, offset: number, byteLength: number): void {
    if (sums === undefined || byteLength === 0) return;
    const last = Math.floor((offset + byteLength - 1) / blockBytes);
    for (let block = Math.floor(offset / blockBytes); block <= last; block++) {
      if (verified[block] === 1) continue;
      const count = readSync(fd, this.#block, 0, blockBytes, block * blockBytes);
      sums.check(block, this.#block.subarray(0, count));
      verified[block] = 1;
    }
  }

  #opened(name: string): OpenContent {
    const path = join(this.#folder, name);
    const fd = openSync(path, 'r');
    try {
      const sums = readSums(sumsPath(this.#folder, name));
      if (sums === undefined) verifyWhole(fd, name);
      const open = { fd, sums, verified: new Uint8Array(sums?.count ?? 0) };
      this.#open.set(name, open);
      return open;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

function readAll(fd: number, offset: number, into: Uint8Array): void {
  for (let at = 0; at < into.length; ) {
    const count = readSync(fd, into, at, into.length - at, offset + at);
    // It is shorter than it was: somebody has damaged it.
    if (count === 0) throw contentDamaged();
    at += count;
  }
}

function readSums(path: string): BlockSums | undefined {
  try {
    return BlockSums.from(readFileSync(path));
  } catch {
    return undefined;
  }
}

/** @param name its sha256 */
function verifyWhole(fd: number, name: string): void {
  const hash = createHash('sha256');
  const bytes = new Uint8Array(hashStepBytes);
  const { size } = fstatSync(fd);
  for (let at = 0; at < size; at += hashStepBytes) {
    hash.update(bytes.subarray(0, readSync(fd, bytes, 0, hashStepBytes, at)));
  }
  if (hash.digest('hex') !== name) throw contentDamaged();
}
