/**
 * What a value had when it last was the same here and in the global tier, where several hosts write it. What differs
 * from it was written on this host: a push sends just that, and a pull brings in the rest, so that hosts that write
 * different bytes of one chunk lose nothing.
 */
import type { Piece } from '../stores/port.ts';

/** Hosts that change one chunk of a larger value at the same time overwrite each other's. */
const twinMaxBytes = 256 * 1024 * 1024;
/** Compared at once by the C library; what differs is looked at byte by byte. */
const blockBytes = 1024;

/** @param exclusive no other host writes */
export function hasTwin(exclusive: boolean, sizeBytes: number): boolean {
  return !exclusive && sizeBytes <= twinMaxBytes;
}

export class Twin {
  #bytes = Buffer.alloc(0);

  /** The global tier has these bytes now. */
  set({ offset, bytes }: Piece): void {
    this.#reach(offset + bytes.length);
    this.#bytes.set(bytes, offset);
  }

  /** What is beyond is zeros. */
  cut(sizeBytes: number): void {
    this.#bytes.fill(0, sizeBytes);
  }

  /** The runs of bytes that differ, in order; they share the piece's memory. */
  differences({ offset, bytes }: Piece): Piece[] {
    const end = offset + bytes.length;
    this.#reach(end);
    const now = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
    const found: Piece[] = [];
    let start: number | undefined;
    const close = (at: number): void => {
      if (start !== undefined) found.push({ offset: offset + start, bytes: bytes.subarray(start, at) });
      start = undefined;
    };
    for (let block = 0; block < now.length; block += blockBytes) {
      const blockEnd = Math.min(block + blockBytes, now.length);
      if (now.compare(this.#bytes, offset + block, offset + blockEnd, block, blockEnd) === 0) {
        close(block);
        continue;
      }
      for (let at = block; at < blockEnd; at++) {
        if (now[at] === this.#bytes[offset + at]) close(at);
        else start ??= at;
      }
    }
    close(now.length);
    return found;
  }

  /** Brings new bytes of the global tier into `target`, the value, where it was not written on this host. */
  merge({ offset, bytes }: Piece, target: Uint8Array): void {
    this.#reach(offset + bytes.length);
    for (let at = 0; at < bytes.length; at++) {
      if (target[offset + at] === this.#bytes[offset + at]) target[offset + at] = bytes[at]!;
    }
    this.#bytes.set(bytes, offset);
  }

  #reach(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.length) return;
    const larger = Buffer.alloc(
      Math.max(sizeBytes, Math.min(2 * this.#bytes.length, sizeBytes + 65_536 * 64)),
    );
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
