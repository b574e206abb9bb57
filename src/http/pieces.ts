/** What is larger than a message travels in pieces: this is how large one is. */

const pieceMaxBytes = 1024 * 1024;

/** Of the largest message, what the headers beside a piece may take. */
const headersMaxBytes = 4096;

export function pieceBytesOf(bus: { readonly maxPayloadBytes: number }): number {
  return Math.max(1, Math.min(pieceMaxBytes, bus.maxPayloadBytes - headersMaxBytes));
}
