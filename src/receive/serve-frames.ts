/**
 * One stream of calls and one of results, as a pipe and a connection have them. Calls run beside each other, and their
 * results come as they end, each with the id of its call.
 *
 * Nothing is read while too much is under way or too little is taken: a sender that does not read its results is not
 * read from either.
 */
import type { Readable, Writable } from 'node:stream';
import { FaasmError } from '../../proto/errors.ts';
import { FrameReader, toFrame } from './frames.ts';
import { type MessageCalls, readMessage, toFailure } from './message-calls.ts';

export interface FrameLimits {
  readonly frameMaxBytes: number;
  /** Calls of one stream that are under way at once. */
  readonly callsMax: number;
  /** Of inputs of calls under way and of results that were not taken yet, together. */
  readonly heldMaxBytes: number;
}

export interface FrameStreams {
  readonly input: Readable;
  readonly output: Writable;
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
  readonly #left = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #heldBytes = 0;
  #failure: unknown;
  #changed = Promise.withResolvers<void>();

  constructor(streams: FrameStreams) {
    this.#streams = streams;
    this.#reader = new FrameReader(streams.limits.frameMaxBytes);
  }

  async run(): Promise<void> {
    const { input, output } = this.#streams;
    const onError = (error: unknown): void => this.#fail(error);
    const onClose = (): void => this.#fail(new FaasmError('cancelled', 'The other side has left'));
    output.on('error', onError).on('close', onClose);
    try {
      const broken = await this.#read(input).then(
        () => undefined,
        (error: unknown) => error ?? new Error('unknown'),
      );
      await Promise.all(this.#underWay);
      while (this.#failure === undefined && output.writableLength > 0) await this.#change();
      if (this.#failure !== undefined) throw this.#failure;
      if (broken !== undefined) throw broken;
    } finally {
      this.#left.abort();
      output.off('close', onClose);
    }
  }

  async #read(input: Readable): Promise<void> {
    const { stopping } = this.#streams;
    const stopped = new Promise<undefined>((resolve) => {
      if (stopping.aborted) resolve(undefined);
      stopping.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    // The stream stays open: a socket's results go out on it.
    const pieces = input.iterator({ destroyOnReturn: false });
    for (;;) {
      const next = await Promise.race([pieces.next(), stopped]);
      if (next === undefined) return;
      if (next.done === true) break;
      for (const bytes of this.#reader.push(next.value as Uint8Array)) {
        await this.#room();
        this.#begin(bytes);
      }
    }
    if (!this.#reader.isBetween)
      throw new FaasmError('bad_message', 'The stream ends in the middle of a frame');
  }

  /** Waits until another call may begin. */
  async #room(): Promise<void> {
    const { limits, output } = this.#streams;
    const isFull = (): boolean =>
      this.#underWay.size >= limits.callsMax ||
      (this.#underWay.size > 0 && this.#heldBytes > limits.heldMaxBytes) ||
      output.writableLength > limits.heldMaxBytes;
    while (this.#failure === undefined && isFull()) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #begin(bytes: Uint8Array): void {
    this.#heldBytes += bytes.length;
    const done: Promise<void> = this.#answer(bytes).then((frame) => {
      this.#heldBytes -= bytes.length;
      this.#underWay.delete(done);
      this.#streams.onUnderWay?.(this.#underWay.size);
      this.#write(frame);
      this.#tell();
    });
    this.#underWay.add(done);
    this.#streams.onUnderWay?.(this.#underWay.size);
  }

  /** A frame that is no call is answered as one that failed: the next begins where it should. */
  async #answer(bytes: Uint8Array): Promise<Uint8Array> {
    try {
      const message = readMessage(bytes);
      return toFrame(await this.#streams.calls.answer(message, this.#left.signal));
    } catch (error) {
      return toFrame(toFailure(error));
    }
  }

  #write(frame: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#streams.output.write(frame, () => this.#tell());
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#left.abort();
    this.#streams.input.destroy();
    this.#tell();
  }

  #change(): Promise<void> {
    return this.#changed.promise;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
