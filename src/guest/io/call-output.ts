/** What a call puts out: its output, which is what it sets or else what it writes to standard output, and its standard error. */
import { FaasmError } from '../../../proto/errors.ts';
import type { HeldBytes } from '../held-bytes.ts';
import { GatheredBytes } from './gathered-bytes.ts';

export interface OutputLimits {
  readonly outputMaxBytes: number;
  /** Of standard error, the last so many bytes are kept. */
  readonly stderrMaxBytes: number;
}

/** What is written piece by piece is counted in steps. */
const heldStepBytes = 64 * 1024;
const stderrPiecesMax = 1024;

export class CallOutput {
  readonly #limits: OutputLimits;
  readonly #held: HeldBytes;
  #output: Uint8Array | undefined;
  #outputHeld = 0;
  readonly #stdout: GatheredBytes;
  #stdoutHeld = 0;
  #stderr: Uint8Array[] = [];
  #stderrBytes = 0;

  constructor(limits: OutputLimits, held: HeldBytes) {
    this.#limits = limits;
    this.#held = held;
    this.#stdout = new GatheredBytes(limits.outputMaxBytes);
  }

  /** What the call last set as its output, else what it wrote to standard output. */
  bytes(): Uint8Array {
    return this.#output ?? this.#stdout.get();
  }

  /** The last bytes written to standard error, as text. */
  stderr(): string | undefined {
    if (this.#stderrBytes === 0) return undefined;
    const bytes = join(this.#stderr, this.#stderrBytes).subarray(-this.#limits.stderrMaxBytes);
    return new TextDecoder().decode(bytes);
  }

  /** @param bytes live guest memory @throws FaasmError `too_large` */
  set(bytes: Uint8Array): void {
    this.#check(bytes.length);
    this.#held.release(this.#outputHeld);
    this.#outputHeld = this.#held.hold(bytes.length);
    this.#output = bytes.slice();
  }

  /** @param bytes live guest memory @throws FaasmError `too_large` */
  writeStdout(bytes: Uint8Array): void {
    const total = this.#stdout.length + bytes.length;
    this.#check(total);
    if (total > this.#stdoutHeld + heldStepBytes)
      this.#stdoutHeld += this.#held.hold(total - this.#stdoutHeld);
    this.#stdout.write(bytes);
  }

  /** @param bytes live guest memory */
  writeStderr(bytes: Uint8Array): void {
    const { stderrMaxBytes } = this.#limits;
    const kept = bytes.subarray(-stderrMaxBytes);
    if (kept.length === 0) return;
    this.#stderr.push(kept.slice());
    this.#stderrBytes += kept.length;
    if (this.#stderr.length >= stderrPiecesMax || this.#stderrBytes > 4 * stderrMaxBytes) {
      const tail = join(this.#stderr, this.#stderrBytes).slice(-stderrMaxBytes);
      this.#stderr = [tail];
      this.#stderrBytes = tail.length;
    }
  }

  reset(): void {
    this.#output = undefined;
    this.#outputHeld = this.#stdoutHeld = 0;
    if (this.#stdout.length > 0) this.#stdout.clear();
    if (this.#stderrBytes > 0) {
      this.#stderr = [];
      this.#stderrBytes = 0;
    }
  }

  #check(byteLength: number): void {
    const { outputMaxBytes } = this.#limits;
    if (byteLength <= outputMaxBytes) return;
    throw new FaasmError(
      'too_large',
      `The output is larger than ${outputMaxBytes} bytes; raise FAASM_OUTPUT_MAX_BYTES or write it to state`,
    );
  }
}

function join(pieces: readonly Uint8Array[], byteLength: number): Uint8Array {
  const all = new Uint8Array(byteLength);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
