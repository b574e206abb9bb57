/** What the system calls of one Faaslet share: the files and streams of its WASI, and its memory. */
import { GuestFault } from '../guest-fault.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { WasiContext } from '../wasi/context.ts';
import type { Descriptor } from '../wasi/descriptors.ts';
import type { Directory } from '../wasi/directory.ts';
import { fail } from '../wasi/errno.ts';
import type { Inode } from '../wasi/inode.ts';
import { type FollowLast, type Place, resolve } from '../wasi/resolve.ts';
import { MemoryRegions } from './regions.ts';

/** A system call: its arguments are the guest's, its result is not negative, or a negative error number. */
export type SystemCall = (context: SyscallContext, ...parameters: number[]) => number | Promise<number>;
export type SystemCalls = Readonly<Record<string, SystemCall>>;

const pathMaxBytes = 4096;
const randomMaxBytes = 65_536;
const utf8 = new TextEncoder();

export class SyscallContext {
  readonly memory: GuestMemory;
  readonly wasi: WasiContext;
  readonly #regions: MemoryRegions;
  readonly #missing = new Set<number>();
  #epoch = -1;

  constructor(memory: GuestMemory, wasi: WasiContext) {
    this.memory = memory;
    this.wasi = wasi;
    this.#regions = new MemoryRegions(memory);
  }

  /** What this call has asked for of the memory. */
  get regions(): MemoryRegions {
    this.#begin();
    return this.#regions;
  }

  /** Tells the log of the call, once, that it asks for what nobody provides. */
  missing(number: number): void {
    this.#begin();
    if (this.#missing.has(number)) return;
    this.#missing.add(number);
    this.wasi.call.stderr(utf8.encode(`System call ${number} is not provided\n`));
  }

  fillRandom(into: Uint8Array): void {
    for (let at = 0; at < into.length; at += randomMaxBytes)
      this.wasi.powers.randomFill(into.subarray(at, at + randomMaxBytes));
  }

  /** @throws GuestFault in the words of the original, for a descriptor that this function did not open */
  owned(fd: number): Descriptor {
    const descriptor = this.wasi.descriptors.find(fd);
    if (descriptor === undefined || descriptor.preopen !== undefined) {
      throw new GuestFault('fd not owned by this function');
    }
    return descriptor;
  }

  /** @throws GuestFault @throws ErrnoFailure `noent` for an empty one */
  path(pointer: number): string {
    const path = this.memory.cStringText(pointer, pathMaxBytes);
    return path === '' ? fail('noent') : path;
  }

  /** @throws GuestFault as `owned` does @throws ErrnoFailure `notdir` */
  directory(fd: number): Directory {
    const inode = this.wasi.inode(this.owned(fd));
    return inode?.kind === 'directory' ? inode : fail('notdir');
  }

  /** @throws ErrnoFailure as `resolve` does */
  place(path: string, follow: FollowLast): Place {
    return resolve(this.wasi.tree.root, this.#fromRoot(path), follow);
  }

  /** Of a relative path. @throws ErrnoFailure as `resolve` does */
  placeFrom(directory: Directory, path: string, follow: FollowLast): Place {
    return resolve(directory, path, follow);
  }

  /** What is there. @throws ErrnoFailure `noent`, `notdir` and as `resolve` does */
  existing(path: string, follow: FollowLast): Inode {
    const { inode, slash } = this.place(path, follow);
    if (inode === undefined) fail('noent');
    return slash && inode.kind !== 'directory' ? fail('notdir') : inode;
  }

  /** Where relative paths begin, from the root. */
  get workingDirectory(): string {
    return this.wasi.descriptors.preopens.find(({ name }) => name === '.')?.directory ?? '';
  }

  /** Another call may have begun. */
  #begin(): void {
    if (this.#epoch === this.wasi.epoch) return;
    this.#epoch = this.wasi.epoch;
    this.#regions.reset();
    this.#missing.clear();
  }

  #fromRoot(path: string): string {
    if (path.startsWith('/')) return path.replace(/^\/+/, '') || '.';
    return this.workingDirectory === '' ? path : `${this.workingDirectory}/${path}`;
  }
}
