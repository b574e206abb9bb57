/**
 * Messages one after the other in a stream, as protobuf's writeDelimitedTo has them: the length of a message as a
 * varint, then the message.
 */
import protobuf from 'protobufjs/minimal.js';
import { FaasmError } from '../../proto/errors.ts';
import { encodeMessage, type Message } from '../calls/message.ts';

/** Of a length, which has at most 32 bits. */
const varintMaxBytes = 5;

/** @throws FaasmError `too_large` */
export function toFrame(message: Partial<Message>): Uint8Array {
  return protobuf.Writer.create().bytes(encodeMessage(message)).finish();
}

/**
 * Takes a stream in pieces of any size apart.
 *
 *     #bytes   |  taken, may be in use  |  not taken  |  room  |
 *                                      #at          #end
 *
 * What was taken is a view of `#bytes`, and stays as it is: bytes are only ever added behind `#end`.
 */
export class FrameReader {
  readonly #frameMaxBytes: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  constructor(frameMaxBytes: number) {
    this.#frameMaxBytes = frameMaxBytes;
  }

  /** The stream may end here. */
  get isBetween(): boolean {
    return this.#at === this.#end;
  }

  push(piece: Uint8Array): void {
    const left = this.#end - this.#at;
    if (left === 0) {
      this.#hold(piece, piece.length);
      return;
    }
    if (this.#bytes.length - this.#end < piece.length) {
      // Twice as much each time, so that a frame in many pieces is not copied for each of them.
      const larger = new Uint8Array(Math.max(2 * left, left + piece.length));
      larger.set(this.#bytes.subarray(this.#at, this.#end));
      this.#hold(larger, left);
    }
    this.#bytes.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** The next message that is whole, undecoded. @throws FaasmError `bad_message`, `too_large`; the stream is useless then */
  take(): Uint8Array | undefined {
    const head = this.#head();
    if (head === undefined || this.#end - head.start < head.length) return undefined;
    this.#at = head.start + head.length;
    return this.#bytes.subarray(head.start, this.#at);
  }

  /** The messages that are whole now. @throws FaasmError as `take` does */
  *takeAll(): Generator<Uint8Array> {
    for (let frame = this.take(); frame !== undefined; frame = this.take()) yield frame;
  }

  #hold(bytes: Uint8Array, length: number): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = length;
  }

  /** The length of the next message, and where it begins. */
  #head(): { readonly start: number; readonly length: number } | undefined {
    let length = 0;
    for (let count = 0; count < varintMaxBytes; count++) {
      const at = this.#at + count;
      if (at >= this.#end) return undefined;
      const byte = this.#bytes[at]!;
      length += (byte & 0x7f) * 2 ** (7 * count);
      if (byte < 0x80) return { start: at + 1, length: this.#checked(length) };
    }
    throw new FaasmError('bad_message', 'A frame begins with its length as a varint of at most 5 bytes');
  }

  #checked(length: number): number {
    if (length <= this.#frameMaxBytes) return length;
    throw new FaasmError(
      'too_large',
      `A frame of ${length} bytes; there may be ${this.#frameMaxBytes}, which is FAASM_INPUT_MAX_BYTES and some more`,
    );
  }
}
