import { fail } from './errno.ts';

/** What one call may write: 0 means nothing at all. */
export interface FileLimits {
  /** Of all files a call has written or changed, and of the targets of its symbolic links. */
  readonly bytes: number;
  /** Names a call has made: files, directories, symbolic links, and further hard links. */
  readonly inodes: number;
  /** Descriptors open at once, the three streams and the preopens included. */
  readonly openFiles: number;
}

/** What is left of it. */
export class Quota {
  #bytes: number;
  #names: number;

  constructor(limits: FileLimits) {
    this.#bytes = limits.bytes;
    this.#names = limits.inodes;
  }

  get bytesLeft(): number {
    return this.#bytes;
  }

  get namesLeft(): number {
    return this.#names;
  }

  /** @throws ErrnoFailure `nospc` */
  takeBytes(count: number): void {
    if (count > this.#bytes) fail('nospc');
    this.#bytes -= count;
  }

  giveBytes(count: number): void {
    this.#bytes += count;
  }

  /** @throws ErrnoFailure `nospc` */
  takeName(): void {
    if (this.#names === 0) fail('nospc');
    this.#names -= 1;
  }

  giveName(): void {
    this.#names += 1;
  }
}
