/**
 * Checksums of a content by blocks, so that a part of a large one is verified without reading all of it. They are in a
 * file of their own, `sums/<sha256>`: crc32 of each block of 64 KiB as 32-bit little-endian, then crc32 of these.
 */
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { contentDamaged } from './damaged.ts';

export const blockBytes = 64 * 1024;

/** Where the sums of a content are. @param contentFolder has the content under its name */
export const sumsPath = (contentFolder: string, content: string): string =>
  join(dirname(contentFolder), 'sums', content);

/** Sums of bytes as they come. */
export class BlockSummer {
  readonly #sums: number[] = [];
  #sum = 0;
  #filled = 0;

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + blockBytes - this.#filled);
      this.#sum = crc32(part, this.#sum);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === blockBytes) this.#endBlock();
    }
  }

  finish(): Uint8Array {
    if (this.#filled > 0) this.#endBlock();
    const file = Buffer.alloc((this.#sums.length + 1) * 4);
    for (const [at, sum] of this.#sums.entries()) file.writeUInt32LE(sum, at * 4);
    file.writeUInt32LE(crc32(file.subarray(0, -4)), file.length - 4);
    return file;
  }

  #endBlock(): void {
    this.#sums.push(this.#sum);
    this.#sum = 0;
    this.#filled = 0;
  }
}

export class BlockSums {
  readonly #file: Buffer;

  private constructor(file: Buffer) {
    this.#file = file;
  }

  /** @returns nothing where the sums are damaged themselves */
  static from(file: Buffer): BlockSums | undefined {
    if (file.length < 4 || file.length % 4 !== 0) return undefined;
    const own = file.readUInt32LE(file.length - 4);
    return crc32(file.subarray(0, -4)) === own ? new BlockSums(file) : undefined;
  }

  get count(): number {
    return this.#file.length / 4 - 1;
  }

  /** @throws FaasmError `storage_corrupt` */
  check(block: number, bytes: Uint8Array): void {
    if (block < this.count && crc32(bytes) === this.#file.readUInt32LE(block * 4)) return;
    throw contentDamaged();
  }

  /** @param first block that the bytes begin with @throws FaasmError `storage_corrupt` */
  checkAll(first: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += blockBytes) {
      this.check(first + at / blockBytes, bytes.subarray(at, at + blockBytes));
    }
  }
}
