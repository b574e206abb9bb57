/**
 * One stream of calls and one of results, as a pipe and a connection have them. Calls run beside each other, and their
 * results come as they end, each with the id of its call.
 *
 * Nothing is read while too much is under way or too little is taken: a sender that does not read its results is not
 * read from either.
 */
import type { Readable, Writable } from 'node:stream';
import { FaasmError } from '../../proto/errors.ts';
import type { Message } from '../calls/message.ts';
import { FrameReader, toFrame } from './frames.ts';
import { type MessageCalls, readMessage, toFailure } from './message-calls.ts';

export interface FrameLimits {
  readonly frameMaxBytes: number;
  /** Calls of one stream that are under way at once. */
  readonly callsMax: number;
  /** Of inputs of calls under way, and of results that were not taken yet. */
  readonly heldMaxBytes: number;
}

export interface FrameStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Of this stream alone. */
  readonly calls: MessageCalls;
  readonly limits: FrameLimits;
  /** Aborted: no further message is taken, and it ends when those under way are answered. */
  readonly stopping: AbortSignal;
  /** How many calls are under way now. */
  onUnderWay?(count: number): void;
}

/**
 * Resolves when the input has ended and all results are written.
 * @throws FaasmError `bad_message`, `too_large` for a broken frame, after the calls before it are answered; what a stream
 * fails with, after the calls under way were cancelled
 */
export async function serveFrames(streams: FrameStreams): Promise<void> {
  await new FrameService(streams).run();
}

class FrameService {
  readonly #streams: FrameStreams;
  readonly #reader: FrameReader;
  readonly #done = Promise.withResolvers<void>();
  #reading = true;
  #inputEnded = false;
  #broken: FaasmError | undefined;
  #underWay = 0;
  #heldBytes = 0;
  #corked = false;

  constructor(streams: FrameStreams) {
    this.#streams = streams;
    this.#reader = new FrameReader(streams.limits.frameMaxBytes);
  }

  async run(): Promise<void> {
    const { input, output, stopping } = this.#streams;
    const onError = (error: unknown): void => this.#fail(error);
    const onClose = (): void => this.#fail(new FaasmError('cancelled', 'The other side has left'));
    const onStop = (): void => this.#stopReading();
    // What fails after the end is nobody's concern any more, and would be without a listener.
    input.on('error', onError);
    output.on('error', onError).on('close', onClose);
    stopping.addEventListener('abort', onStop);
    input.on('data', this.#onData).on('end', this.#onEnd);
    if (stopping.aborted) onStop();
    try {
      await this.#done.promise;
    } finally {
      output.off('close', onClose);
      stopping.removeEventListener('abort', onStop);
      input.off('data', this.#onData).off('end', this.#onEnd);
    }
  }

  readonly #onData = (piece: Uint8Array): void => {
    if (!this.#reading) return;
    this.#reader.push(piece);
    this.#takeAll();
  };

  readonly #onEnd = (): void => {
    this.#inputEnded = true;
    this.#takeAll();
  };

  /** A write fails before its stream says so. */
  readonly #onWritten = (error?: Error | null): void => {
    if (error) {
      this.#fail(error);
      return;
    }
    this.#takeAll();
    this.#settle();
  };

  /** Begins the calls that there is room for. */
  #takeAll(): void {
    const { input } = this.#streams;
    if (!this.#reading) return;
    try {
      while (this.#hasRoom()) {
        const bytes = this.#reader.take();
        if (bytes !== undefined) {
          void this.#answer(bytes);
          continue;
        }
        if (!this.#inputEnded) input.resume();
        else if (this.#reader.isBetween) this.#stopReading();
        else throw new FaasmError('bad_message', 'The stream ends in the middle of a frame');
        return;
      }
      input.pause();
    } catch (error) {
      this.#broken = FaasmError.from(error);
      this.#stopReading();
    }
  }

  #hasRoom(): boolean {
    const { limits, output } = this.#streams;
    return (
      this.#underWay < limits.callsMax &&
      (this.#underWay === 0 || this.#heldBytes <= limits.heldMaxBytes) &&
      output.writableLength <= limits.heldMaxBytes
    );
  }

  async #answer(bytes: Uint8Array): Promise<void> {
    this.#count(1, bytes.length);
    const result = await this.#resultOf(bytes);
    this.#count(-1, -bytes.length);
    this.#write(result);
    this.#takeAll();
    this.#settle();
  }

  #count(calls: number, byteLength: number): void {
    this.#underWay += calls;
    this.#heldBytes += byteLength;
    this.#streams.onUnderWay?.(this.#underWay);
  }

  /** A frame that is no call is answered as one that failed: the next begins where it should. */
  async #resultOf(bytes: Uint8Array): Promise<Partial<Message>> {
    let message: Message;
    try {
      message = readMessage(bytes);
    } catch (error) {
      return toFailure(error);
    }
    return await this.#streams.calls.answer(message);
  }

  #write(result: Partial<Message>): void {
    const { output } = this.#streams;
    if (!output.writable) return;
    // What is answered in one turn of the event loop leaves in one write.
    if (!this.#corked) {
      this.#corked = true;
      output.cork();
      process.nextTick(() => {
        this.#corked = false;
        output.uncork();
      });
    }
    output.write(toFrame(result), this.#onWritten);
  }

  #stopReading(): void {
    this.#reading = false;
    this.#settle();
  }

  #settle(): void {
    if (this.#reading || this.#underWay > 0 || this.#streams.output.writableLength > 0) return;
    if (this.#broken === undefined) this.#done.resolve();
    else this.#done.reject(this.#broken);
  }

  #fail(error: unknown): void {
    this.#reading = false;
    this.#streams.calls.abandon();
    this.#streams.input.destroy();
    this.#done.reject(error);
  }
}
