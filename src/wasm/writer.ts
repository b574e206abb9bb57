/**
 * Output as a list of pieces: most of a rewritten module is slices of the old one, so nothing is copied
 * until `toBytes` copies all of it once.
 */
export class PieceWriter {
  readonly #pieces: (Uint8Array | readonly number[])[] = [];
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  add(piece: Uint8Array | readonly number[]): void {
    this.#pieces.push(piece);
    this.#byteLength += piece.length;
  }

  addAll(writer: PieceWriter): void {
    for (const piece of writer.#pieces) this.#pieces.push(piece);
    this.#byteLength += writer.#byteLength;
  }

  addU32(value: number): void {
    this.add(encodeU32(value));
  }

  addName(name: string): void {
    const bytes = new TextEncoder().encode(name);
    this.addU32(bytes.length);
    this.add(bytes);
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#byteLength);
    let position = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, position);
      position += piece.length;
    }
    return bytes;
  }
}

/** Unsigned LEB128. */
export function encodeU32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128 of 32 bits. */
export function encodeS32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if (rest === (byte & 0x40 ? -1 : 0)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

/** A function body, with its size before it. */
export function sized(body: readonly number[]): readonly number[] {
  return [...encodeU32(body.length), ...body];
}

/** Signed LEB128, for the `i64.const` of a number that is not negative. */
export function encodeS64(value: number): number[] {
  const bytes = encodeU32(value);
  const last = bytes.length - 1;
  if (bytes[last]! & 0x40) {
    bytes[last]! |= 0x80;
    bytes.push(0);
  }
  return bytes;
}
