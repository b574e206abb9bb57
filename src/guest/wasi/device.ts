/** What a path can lead to that keeps nothing: `/dev/null` and its like, and the streams of the call under names. */
import type { Stream } from './descriptors.ts';
import { InodeBase } from './inode.ts';

/** A `socket` has no name, and nothing at its other end. */
export type DeviceName = 'null' | 'zero' | 'random' | 'socket' | Stream;

const randomMaxBytes = 65_536;

/** Read and written as a file is. */
export class Device extends InodeBase {
  readonly kind = 'device';
  readonly size = 0;
  readonly name: DeviceName;
  readonly #fillRandom: (bytes: Uint8Array) => void;

  /** @param fillRandom at most 65,536 bytes at once */
  constructor(
    inodeNumber: number,
    createdNs: bigint,
    name: DeviceName,
    fillRandom: (bytes: Uint8Array) => void,
  ) {
    super(inodeNumber, createdNs);
    this.name = name;
    this.#fillRandom = fillRandom;
  }

  /** What is open once it is opened, where that is a stream of the call. */
  get stream(): Stream | undefined {
    return toStream(this.name);
  }

  read(_offset: number, into: Uint8Array): number {
    if (this.name !== 'zero' && this.name !== 'random') return 0;
    if (this.name === 'zero') into.fill(0);
    else
      for (let at = 0; at < into.length; at += randomMaxBytes)
        this.#fillRandom(into.subarray(at, at + randomMaxBytes));
    return into.length;
  }

  write(_offset: number, from: Uint8Array): number {
    return from.length;
  }
}

export function toStream(name: DeviceName): Stream | undefined {
  return name === 'stdin' || name === 'stdout' || name === 'stderr' ? name : undefined;
}
