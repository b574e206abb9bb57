/** Files and symbolic links of one call. Directories are in directory.ts. */
import type { Device } from './device.ts';
import type { Directory } from './directory.ts';
import { fail } from './errno.ts';
import type { FileContent } from './file-tree.ts';
import type { Quota } from './quota.ts';

export type Inode = File | Link | Device | Directory;

/** What every inode has. Reading does not count as access: the tree is as if mounted with `noatime`. */
export abstract class InodeBase {
  readonly inodeNumber: number;
  /** The names it has; 0 when it is only open any more. */
  links = 0;
  accessedNs: bigint;
  modifiedNs: bigint;
  changedNs: bigint;

  constructor(inodeNumber: number, createdNs: bigint) {
    this.inodeNumber = inodeNumber;
    this.accessedNs = createdNs;
    this.modifiedNs = createdNs;
    this.changedNs = createdNs;
  }

  /** Its content has changed. */
  touch(nowNs: bigint): void {
    this.modifiedNs = nowNs;
    this.changedNs = nowNs;
  }
}

export class Link extends InodeBase {
  readonly kind = 'link';
  readonly target: string;
  /** Bytes of UTF-8. */
  readonly size: number;

  constructor(inodeNumber: number, createdNs: bigint, target: string, size: number) {
    super(inodeNumber, createdNs);
    this.target = target;
    this.size = size;
  }
}

/** 2 GiB: what one array of bytes can hold on every platform. */
export const fileMaxBytes = 2 ** 31;
const slackBytes = 4096;
const noBytes = new Uint8Array(0);

/** A regular file. Its content is that of the shared tree until the first write, which copies it. */
export class File extends InodeBase {
  readonly kind = 'file';
  /** Descriptors open on it. */
  opens = 0;
  #size: number;
  /** May be longer than the file, at most about twice; what is past the end is zero. None while it is shared. */
  #content = noBytes;
  #shared: FileContent | undefined;
  readonly #quota: Quota;

  constructor(inodeNumber: number, createdNs: bigint, quota: Quota, shared?: FileContent) {
    super(inodeNumber, createdNs);
    this.#quota = quota;
    this.#size = shared?.byteLength ?? 0;
    this.#shared = shared;
  }

  get size(): number {
    return this.#size;
  }

  /** All of it, not to be changed. @throws ErrnoFailure `io` */
  content(): Uint8Array {
    if (this.#shared === undefined) return this.#content.subarray(0, this.#size);
    const bytes = new Uint8Array(this.#size);
    this.#shared.read(0, bytes);
    return bytes;
  }

  /** Of the shared tree, while that is its content. */
  get shared(): FileContent | undefined {
    return this.#shared;
  }

  /** Whether this, of the shared tree, is its content still. */
  shows(content: FileContent): boolean {
    return this.#shared === content;
  }

  /** Bytes read: fewer than asked for at the end of the file. @throws ErrnoFailure `io` */
  read(offset: number, into: Uint8Array): number {
    const end = Math.min(this.#size, offset + into.length);
    if (offset >= end) return 0;
    if (this.#shared === undefined) into.set(this.#content.subarray(offset, end));
    else this.#shared.read(offset, into.subarray(0, end - offset));
    return end - offset;
  }

  /**
   * Bytes written: fewer than given when the quota or the largest file ends among them, 0 when there is no room at all.
   * @throws ErrnoFailure `nospc` when there is no room to copy the shared content, or the host is out of memory; `io`
   */
  write(offset: number, from: Uint8Array): number {
    if (from.length === 0) return 0;
    this.#own();
    const room = Math.min(fileMaxBytes, this.#size + this.#quota.bytesLeft) - offset;
    if (room <= 0) return 0;
    const bytes = from.length > room ? from.subarray(0, room) : from;
    const end = offset + bytes.length;
    if (end > this.#size) this.#extend(end);
    this.#content.set(bytes, offset);
    return bytes.length;
  }

  /** @throws ErrnoFailure `nospc`, `fbig` */
  resize(size: number): void {
    if (size === this.#size) return;
    if (size > fileMaxBytes) fail('fbig');
    if (size > this.#size) {
      this.#own();
      this.#extend(size);
    } else this.#cut(size);
  }

  /** Gives its bytes back once it has neither a name nor a descriptor. */
  releaseIfUnused(): void {
    if (this.links > 0 || this.opens > 0) return;
    if (this.#shared === undefined) this.#quota.giveBytes(this.#size);
    this.#content = noBytes;
    this.#size = 0;
    this.#shared = undefined;
  }

  #own(size = this.#size): void {
    if (this.#shared === undefined) return;
    if (size > this.#quota.bytesLeft) fail('nospc');
    const content = allocate(size);
    this.#shared.read(0, content);
    this.#content = content;
    this.#quota.takeBytes(size);
    this.#shared = undefined;
  }

  #extend(size: number): void {
    if (size - this.#size > this.#quota.bytesLeft) fail('nospc');
    if (size > this.#content.length) {
      const capacity = Math.max(size, Math.min(size + this.#size, size + this.#quota.bytesLeft));
      this.#content = copyTo(capacity, this.#content.subarray(0, this.#size));
    }
    this.#quota.takeBytes(size - this.#size);
    this.#size = size;
  }

  #cut(size: number): void {
    if (this.#shared !== undefined) this.#own(size);
    else {
      this.#quota.giveBytes(this.#size - size);
      if (this.#content.length > 2 * size + slackBytes)
        this.#content = copyTo(size, this.#content.subarray(0, size));
      else this.#content.fill(0, size, this.#size);
    }
    this.#size = size;
  }
}

function copyTo(capacity: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = allocate(capacity);
  copy.set(bytes);
  return copy;
}

function allocate(byteLength: number): Uint8Array<ArrayBuffer> {
  if (byteLength === 0) return noBytes;
  try {
    return new Uint8Array(byteLength);
  } catch (thrown) {
    // The host has no more memory for it, whatever the quota says.
    if (thrown instanceof RangeError) fail('nospc');
    throw thrown;
  }
}
