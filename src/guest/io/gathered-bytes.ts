/** What a guest writes piece by piece, in one growing buffer: each byte is held once, whatever the pieces are. */
const noBytes = new Uint8Array(0);

/** A buffer of up to so much is doubled; a larger one reserves addresses up to the limit, and grows where it is. */
const doubledMaxBytes = 1024 * 1024;
/** A larger buffer grows by so much at least. */
const stepBytes = 1024 * 1024;

export class GatheredBytes {
  readonly #maxBytes: number;
  /** May be longer than what was written. */
  #bytes: Uint8Array<ArrayBuffer> = noBytes;
  #length = 0;

  /** @param maxBytes no more is ever written; the caller sees to it */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** @param bytes live guest memory */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#length === 0) this.#bytes = bytes.slice();
    else {
      this.#makeRoom(this.#length + bytes.length);
      this.#bytes.set(bytes, this.#length);
    }
    this.#length += bytes.length;
  }

  /** All that was written: no copy, and not to be written to after. */
  get(): Uint8Array<ArrayBuffer> {
    if (this.#length === this.#bytes.length) return this.#bytes;
    const { buffer } = this.#bytes;
    if (buffer.resizable) buffer.resize(this.#length);
    return new Uint8Array(buffer, 0, this.#length);
  }

  clear(): void {
    this.#bytes = noBytes;
    this.#length = 0;
  }

  #makeRoom(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const { buffer } = this.#bytes;
    const wanted = Math.min(this.#maxBytes, Math.max(2 * needed, 4096));
    if (wanted <= doubledMaxBytes) {
      this.#bytes = new Uint8Array(buffer.transfer(wanted));
    } else if (buffer.resizable) {
      buffer.resize(Math.min(this.#maxBytes, needed + stepBytes));
    } else {
      const byteLength = Math.min(this.#maxBytes, needed + stepBytes);
      const growing = new Uint8Array(new ArrayBuffer(byteLength, { maxByteLength: this.#maxBytes }));
      growing.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = growing;
    }
  }
}
