/**
 * A directory of one call: its own entries over those of the shared tree.
 *
 * Every entry has a sequence number that it keeps while it lives, so that a listing can go on where it stopped however
 * the directory has changed since: 0 is `.`, 1 is `..`, then the entries of the shared directory in their order, then
 * those the call has made, in the order it made them. Shared entries that are not listed have 1.
 */
import { Device, toStream } from './device.ts';
import { fail } from './errno.ts';
import type { BaseDirectory, BaseNode } from './file-tree.ts';
import { type Inode, InodeBase } from './inode.ts';
import { filetype } from './layout.ts';

interface Entry {
  readonly sequence: number;
  readonly inode: Inode;
}

/** Makes the inode of a shared entry, once: from then on it is the call's own. */
export type Adopt = (node: BaseNode, parent: Directory) => Inode;

/** Returns false to stop. */
export type Visit = (name: string, sequence: number, inodeNumber: number, type: number) => boolean;

const firstSequence = 2;

export class Directory extends InodeBase {
  readonly kind = 'directory';
  readonly size = 0;
  /** Itself when it is the root. */
  parent: Directory;
  readonly #base: BaseDirectory | undefined;
  readonly #adopt: Adopt;
  /** null hides a shared entry that was removed. Made on first need, ascending in sequence but for shared entries. */
  #entries: Map<string, Entry | null> | undefined;
  readonly #firstMade: number;
  #nextSequence: number;
  #entryCount: number;

  constructor(
    inodeNumber: number,
    createdNs: bigint,
    adopt: Adopt,
    parent?: Directory,
    base?: BaseDirectory,
  ) {
    super(inodeNumber, createdNs);
    this.parent = parent ?? this;
    this.#base = base;
    this.#adopt = adopt;
    this.#entryCount = base?.names.length ?? 0;
    this.#firstMade = firstSequence + this.#entryCount;
    this.#nextSequence = this.#firstMade;
  }

  get isEmpty(): boolean {
    return this.#entryCount === 0;
  }

  lookup(name: string): Inode | undefined {
    const entry = this.#entries?.get(name);
    if (entry !== undefined) return entry?.inode;
    const node = this.#base?.entries.get(name);
    if (node === undefined) return undefined;
    const inode = this.#adopt(node, this);
    this.#entries ??= new Map();
    this.#entries.set(name, { sequence: firstSequence + node.position, inode });
    return inode;
  }

  names(): string[] {
    const names: string[] = [];
    this.list(firstSequence, (name) => names.push(name) > 0);
    return names;
  }

  /** The name is free. @throws ErrnoFailure `noent` when the directory itself was removed */
  insert(name: string, inode: Inode): void {
    if (this.links === 0) fail('noent');
    this.#entries ??= new Map();
    this.#entries.delete(name);
    this.#entries.set(name, { sequence: this.#nextSequence, inode });
    this.#nextSequence += 1;
    this.#entryCount += 1;
    inode.links += 1;
    if (inode.kind === 'directory') inode.parent = this;
  }

  /** Whether the call has made the entry; if not, it comes from the shared tree. */
  made(name: string): boolean {
    const entry = this.#entries?.get(name);
    return !!entry && entry.sequence >= this.#firstMade;
  }

  /** The name was looked up. Answers what `made` said before. */
  remove(name: string): boolean {
    const made = this.made(name);
    const entry = this.#entries!.get(name)!;
    if (this.#base?.entries.has(name)) this.#entries!.set(name, null);
    else this.#entries!.delete(name);
    if (entry.sequence >= firstSequence) this.#entryCount -= 1;
    entry.inode.links -= 1;
    return made;
  }

  /** Visits the entries whose sequence is at least `from`, ascending. */
  list(from: number, visit: Visit): void {
    if (from <= 0 && !visit('.', 0, this.inodeNumber, filetype.directory)) return;
    if (from <= 1 && !visit('..', 1, this.parent.inodeNumber, filetype.directory)) return;
    if (this.#listShared(from, visit)) this.#listMade(from, visit);
  }

  #listShared(from: number, visit: Visit): boolean {
    if (this.#base === undefined) return true;
    const { names, entries } = this.#base;
    for (let position = Math.max(0, from - firstSequence); position < names.length; position += 1) {
      const name = names[position]!;
      const sequence = firstSequence + position;
      const entry = this.#entries?.get(name);
      if (entry === null || (entry !== undefined && entry.sequence !== sequence)) continue;
      const node = entries.get(name)!;
      if (!visit(name, sequence, node.inodeNumber, toFiletype(node))) return false;
    }
    return true;
  }

  #listMade(from: number, visit: Visit): void {
    if (this.#entries === undefined) return;
    const first = Math.max(from, this.#firstMade);
    for (const [name, entry] of this.#entries) {
      if (entry === null || entry.sequence < first) continue;
      if (!visit(name, entry.sequence, entry.inode.inodeNumber, toFiletype(entry.inode))) return;
    }
  }
}

const filetypes = {
  directory: filetype.directory,
  file: filetype.regularFile,
  link: filetype.symbolicLink,
} as const;

/** Of a stream, whatever its name, there is no type that WASI knows. */
export function toFiletype(inode: Inode | BaseNode): number {
  if (inode.kind !== 'device') return filetypes[inode.kind];
  const name = inode instanceof Device ? inode.name : inode.device;
  return toStream(name) === undefined ? filetype.characterDevice : filetype.unknown;
}
