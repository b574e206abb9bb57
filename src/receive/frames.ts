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

/** Takes a stream in pieces of any size apart. */
export class FrameReader {
  readonly #frameMaxBytes: number;
  #pieces: Uint8Array[] = [];
  #byteLength = 0;

  constructor(frameMaxBytes: number) {
    this.#frameMaxBytes = frameMaxBytes;
  }

  /** The stream may end here. */
  get isBetween(): boolean {
    return this.#byteLength === 0;
  }

  /** The messages that are whole now, undecoded. @throws FaasmError `bad_message`, `too_large`; the stream is useless then */
  *push(piece: Uint8Array): Generator<Uint8Array> {
    this.#pieces.push(piece);
    this.#byteLength += piece.length;
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) yield frame;
  }

  #take(): Uint8Array | undefined {
    const head = this.#head();
    if (head === undefined) return undefined;
    const end = head.start + head.length;
    if (this.#byteLength < end) return undefined;
    const all = this.#joined();
    this.#pieces = all.length === end ? [] : [all.subarray(end)];
    this.#byteLength -= end;
    return all.subarray(head.start, end);
  }

  /** The length of the next message, and where it begins. */
  #head(): { readonly start: number; readonly length: number } | undefined {
    if (this.#byteLength === 0) return undefined;
    if (this.#pieces[0]!.length < Math.min(varintMaxBytes, this.#byteLength)) this.#joined();
    const bytes = this.#pieces[0]!;
    let length = 0;
    for (let at = 0; at < Math.min(bytes.length, varintMaxBytes); at++) {
      length += (bytes[at]! & 0x7f) * 2 ** (7 * at);
      if (bytes[at]! < 0x80) return { start: at + 1, length: this.#checked(length) };
    }
    if (bytes.length < varintMaxBytes) return undefined;
    throw new FaasmError('bad_message', 'A frame begins with its length as a varint of at most 5 bytes');
  }

  #checked(length: number): number {
    if (length <= this.#frameMaxBytes) return length;
    throw new FaasmError(
      'too_large',
      `A frame of ${length} bytes; there may be ${this.#frameMaxBytes}, which is FAASM_INPUT_MAX_BYTES and some more`,
    );
  }

  #joined(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0]!;
  }
}
