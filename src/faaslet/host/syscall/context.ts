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
export type SystemCalls = Readonly<Record<number, SystemCall>>;

const pathMaxBytes = 4096;

export class SyscallContext {
  readonly memory: GuestMemory;
  readonly wasi: WasiContext;
  readonly #regions: MemoryRegions;
  #epoch = -1;

  constructor(memory: GuestMemory, wasi: WasiContext) {
    this.memory = memory;
    this.wasi = wasi;
    this.#regions = new MemoryRegions(memory);
  }

  /** What this call has asked for of the memory. */
  get regions(): MemoryRegions {
    if (this.#epoch !== this.wasi.epoch) {
      this.#epoch = this.wasi.epoch;
      this.#regions.reset();
    }
    return this.#regions;
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

  /** @throws ErrnoFailure as `resolve` does */
  place(path: string, follow: FollowLast): Place {
    return resolve(this.#root(), this.#fromRoot(path), follow);
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

  #root(): Directory {
    return this.wasi.tree.root;
  }

  #fromRoot(path: string): string {
    if (path.startsWith('/')) return path.replace(/^\/+/, '') || '.';
    return this.workingDirectory === '' ? path : `${this.workingDirectory}/${path}`;
  }
}
