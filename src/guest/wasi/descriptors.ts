/** The table of a Faaslet's open descriptors: 0 to 2 are the streams of the call, then come the preopened directories. */
import type { Device } from './device.ts';
import type { Directory } from './directory.ts';
import { fail } from './errno.ts';
import { File } from './inode.ts';
import { allRights, directoryRights, inputRights, outputRights } from './rights.ts';

export type Stream = 'stdin' | 'stdout' | 'stderr';

export interface Preopen {
  /** As the guest sees it, such as `/`. */
  readonly name: string;
  /** Where it is in the file tree, from its root and without a slash before it; `` is the root itself. */
  readonly directory: string;
}

export class Descriptor {
  /** What it is open on; `preopen` until that is found in the tree, which the first use of any file does. */
  target: Stream | File | Device | Directory | 'preopen';
  readonly preopen: Preopen | undefined;
  rightsBase: number;
  rightsInheriting: number;
  /** As `fdFlag`. */
  flags = 0;
  /** Of the next read or write of a file, in bytes from its start. */
  offset = 0;

  constructor(
    target: Stream | File | Device | Directory | 'preopen',
    rightsBase: number,
    rightsInheriting: number,
    preopen?: Preopen,
  ) {
    this.target = target;
    this.rightsBase = rightsBase;
    this.rightsInheriting = rightsInheriting;
    this.preopen = preopen;
  }

  /** @throws ErrnoFailure `notcapable` */
  require(rights: number): void {
    if ((this.rightsBase & rights) !== rights) fail('notcapable');
  }
}

export class Descriptors {
  #preopens: readonly Preopen[];
  readonly #max: number;
  #open: (Descriptor | undefined)[] = [];
  #openCount = 0;
  #altered = true;

  constructor(preopens: readonly Preopen[], max: number) {
    this.#preopens = preopens;
    this.#max = max;
    this.reset();
  }

  /** What is open when a call begins, from now on. */
  preopen(preopens: readonly Preopen[]): void {
    this.#preopens = preopens;
    this.#altered = true;
    this.reset();
  }

  get preopens(): readonly Preopen[] {
    return this.#preopens;
  }

  entries(): [fd: number, descriptor: Descriptor][] {
    return this.#open.flatMap((descriptor, fd) =>
      descriptor === undefined ? [] : [[fd, descriptor] as [number, Descriptor]],
    );
  }

  /** These are open in place of those that a call begins with. */
  replace(open: ReadonlyMap<number, Descriptor>): void {
    this.#altered = true;
    this.#open = Array.from({ length: Math.max(-1, ...open.keys()) + 1 }, (_, fd) => open.get(fd));
    this.#openCount = open.size;
    for (const { target } of open.values()) if (target instanceof File) target.opens += 1;
  }

  /** The descriptors that a call begins with. */
  reset(): void {
    if (!this.#altered) return;
    this.#open = [
      new Descriptor('stdin', inputRights, 0),
      new Descriptor('stdout', outputRights, 0),
      new Descriptor('stderr', outputRights, 0),
    ];
    for (const preopen of this.#preopens)
      this.#open.push(new Descriptor('preopen', directoryRights, allRights, preopen));
    this.#openCount = this.#open.length;
    this.#altered = false;
  }

  /** @throws ErrnoFailure `badf` */
  get(fd: number): Descriptor {
    return this.find(fd) ?? fail('badf');
  }

  find(fd: number): Descriptor | undefined {
    return this.#open[fd >>> 0];
  }

  /** To change its rights, flags or offset: these too are forgotten at the next reset. @throws ErrnoFailure `badf` */
  getToAlter(fd: number): Descriptor {
    this.#altered = true;
    return this.get(fd);
  }

  /** Puts its directory under every preopen, by what `find` finds. */
  findPreopens(find: (directory: string) => Directory): void {
    this.#altered = true;
    for (const descriptor of this.#open) {
      if (descriptor?.target === 'preopen') descriptor.target = find(descriptor.preopen!.directory);
    }
  }

  /** @throws ErrnoFailure `mfile` when no more may be open */
  checkRoom(): void {
    if (this.#openCount >= this.#max) fail('mfile');
  }

  /** The lowest free number. @throws ErrnoFailure `mfile` */
  open(descriptor: Descriptor): number {
    this.checkRoom();
    this.#altered = true;
    if (descriptor.target instanceof File) descriptor.target.opens += 1;
    const hole = this.#open.length > this.#openCount ? this.#open.indexOf(undefined) : -1;
    const fd = hole === -1 ? this.#open.length : hole;
    this.#open[fd] = descriptor;
    this.#openCount += 1;
    return fd;
  }

  /** @throws ErrnoFailure `badf` */
  close(fd: number): void {
    const { target } = this.getToAlter(fd);
    this.#open[fd >>> 0] = undefined;
    this.#openCount -= 1;
    if (!(target instanceof File)) return;
    target.opens -= 1;
    target.releaseIfUnused();
  }

  /** Closes `to` and gives its number to `from`. @throws ErrnoFailure `badf` unless both are open */
  renumber(from: number, to: number): void {
    const descriptor = this.getToAlter(from);
    this.get(to);
    if (from === to) return;
    this.close(to);
    this.#open[to >>> 0] = descriptor;
    this.#open[from >>> 0] = undefined;
  }
}
