import { FaasmError } from '../../proto/errors.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function toHex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}

/**
 * Reads forward through bytes and never past `end`.
 * Every method throws FaasmError `bad_module` when the bytes are not what it reads.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  position = 0;
  end: number;
  /** What is being read, for messages: `the import section`. */
  where = 'the module';

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.end = bytes.length;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  u8(): number {
    if (this.position >= this.end) throw this.truncated();
    return this.bytes[this.position++]!;
  }

  /** The next byte, which stays unread; -1 at the end. */
  peek(): number {
    return this.position < this.end ? this.bytes[this.position]! : -1;
  }

  /** An unsigned LEB128 number of 32 bits. */
  u32(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let factor = 0x80; ; factor *= 0x80) {
      const byte = this.u8();
      if (factor === 2 ** 28 && byte > 0x0f) throw this.bad('a number does not fit 32 bits');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  /** A signed LEB128 number of 33 bits: a heap type, or a type index. */
  s33(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return byte & 0x40 ? value - factor * 0x80 : value;
    }
    throw this.bad('a number does not fit 33 bits');
  }

  /** Goes past one LEB128 number of at most that many bytes. */
  skipLeb(bytesMax: number): void {
    for (let count = 0; count < bytesMax; count++) if (this.u8() < 0x80) return;
    throw this.bad(`a number is longer than ${bytesMax} bytes`);
  }

  skip(byteCount: number): void {
    if (byteCount > this.remaining) throw this.truncated();
    this.position += byteCount;
  }

  /** The length of a vector whose entries take at least one byte each. */
  count(what: string, countMax = Number.POSITIVE_INFINITY): number {
    const count = this.u32();
    if (count > countMax) {
      throw new FaasmError('bad_module', `The module has ${count} ${what}, and the limit is ${countMax}`);
    }
    if (count > this.remaining) throw this.bad(`it announces ${count} ${what} and is too short for them`);
    return count;
  }

  name(): string {
    const byteLength = this.u32();
    const start = this.position;
    this.skip(byteLength);
    // A copy, because a decoder takes no bytes that are shared between threads.
    const bytes = this.bytes.slice(start, this.position);
    try {
      return decoder.decode(bytes);
    } catch {
      throw this.bad('a name is not UTF-8');
    }
  }

  bad(reason: string): FaasmError {
    return new FaasmError(
      'bad_module',
      `Not a valid module: ${reason}, in ${this.where} near byte ${this.position}`,
    );
  }

  truncated(): FaasmError {
    return this.bad(`it ends too early, at byte ${this.end}`);
  }
}
