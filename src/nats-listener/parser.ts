/**
 * The NATS client protocol as a server reads it: bytes in, in chunks cut anywhere, operations out.
 *
 *     name ── args ──┬── done
 *                    └── payload ── \r ── \n ── done
 *
 * An operation's name is judged letter by letter, so that nonsense is refused without waiting for the end of a line.
 * A line may end in \n alone; a payload has to be followed by \r\n.
 */
import { type PayloadHead, readArguments } from './arguments.ts';
import {
  authorizationViolation,
  controlLineExceeded,
  type Operation,
  type OperationName,
  operationNames,
  payloadViolation,
  unknownOperation,
} from './operation.ts';

export interface ParserLimits {
  /** Of what comes after an operation's name. */
  readonly controlLineMaxBytes: number;
  /** Of headers and body together. */
  readonly payloadMaxBytes: number;
}

const beginnings = new Set(
  Object.keys(operationNames).flatMap((name) => [...name].map((_, at) => name.slice(0, at + 1))),
);

type State = 'name' | 'space' | 'args' | 'ignored' | 'payload' | 'return' | 'newline' | 'broken';

const newline = 0x0a;
const carriageReturn = 0x0d;

export class Parser {
  /** Only CONNECT is taken. */
  connectFirst: boolean;
  readonly #limits: ParserLimits;
  readonly #take: (operation: Operation) => void;
  #state: State = 'name';
  #name = '';
  /** Parts of the line or the payload that came in earlier chunks. */
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #payload: PayloadHead | undefined;
  #paused = false;

  /** @param take gets every operation as soon as it is complete */
  constructor(limits: ParserLimits, take: (operation: Operation) => void, connectFirst = false) {
    this.#limits = limits;
    this.#take = take;
    this.connectFirst = connectFirst;
  }

  /** Of an operation that is not complete. */
  get heldBytes(): number {
    return this.#partsBytes;
  }

  /** After the operation that is being taken. */
  pause(): void {
    this.#paused = true;
  }

  /**
   * Nothing is taken after a violation.
   * @returns what is left of the chunk where it was paused meanwhile, to be pushed next
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    this.#paused = false;
    let at = 0;
    while (at < chunk.length && this.#state !== 'broken' && !this.#paused) {
      switch (this.#state) {
        case 'name':
          this.#takeLetter(chunk[at++]!);
          break;
        case 'space':
          if (isSpace(chunk[at]!)) at++;
          else this.#state = 'args';
          break;
        case 'args':
          at = this.#takeLine(chunk, at);
          break;
        case 'ignored':
          at = this.#skipLine(chunk, at);
          break;
        case 'payload':
          at = this.#takePayload(chunk, at);
          break;
        case 'return':
          if (this.#expect(chunk[at++]!, carriageReturn)) this.#state = 'newline';
          break;
        case 'newline':
          if (this.#expect(chunk[at++]!, newline)) this.#finishPayload();
          break;
      }
    }
    return this.#paused ? chunk.subarray(at) : undefined;
  }

  #takeLetter(byte: number): void {
    if (this.#name === '' && this.connectFirst && byte !== 0x43 && byte !== 0x63) {
      this.#break(authorizationViolation);
      return;
    }
    const follows = Object.hasOwn(operationNames, this.#name)
      ? operationNames[this.#name as OperationName]
      : undefined;
    if (follows === 'spaced') {
      if (isSpace(byte)) this.#state = 'space';
      else this.#break(unknownOperation);
      return;
    }
    this.#name += String.fromCharCode(byte).toUpperCase();
    if (!beginnings.has(this.#name)) {
      this.#break(unknownOperation);
    } else if (Object.hasOwn(operationNames, this.#name)) {
      const next = operationNames[this.#name as OperationName];
      if (next === 'free') this.#state = 'space';
      else if (next === 'ignored') this.#state = 'ignored';
    }
  }

  #takeLine(chunk: Uint8Array, from: number): number {
    const end = chunk.indexOf(newline, from);
    const rest = chunk.subarray(from, end === -1 ? undefined : end);
    // One byte more than the limit may be the \r of a line that is not complete.
    if (this.#partsBytes + rest.length > this.#limits.controlLineMaxBytes + 1) {
      this.#break(controlLineExceeded);
      return chunk.length;
    }
    if (end === -1) {
      this.#keep(rest);
      return chunk.length;
    }
    this.#finishLine(this.#join(rest));
    return end + 1;
  }

  #finishLine(line: Uint8Array): void {
    const length = line.at(-1) === carriageReturn ? line.length - 1 : line.length;
    if (length > this.#limits.controlLineMaxBytes) {
      this.#break(controlLineExceeded);
      return;
    }
    const text = Buffer.from(line.buffer, line.byteOffset, length).toString('utf8');
    const read = readArguments(this.#name as OperationName, text);
    if (read === 'bad') {
      this.#break(undefined);
    } else if (read !== 'ignored' && 'bytes' in read) {
      if (read.bytes > this.#limits.payloadMaxBytes) {
        this.#break(payloadViolation);
        return;
      }
      this.#start();
      this.#payload = read;
      this.#state = read.bytes === 0 ? 'return' : 'payload';
    } else {
      this.#start();
      if (read !== 'ignored') this.#take(read);
    }
  }

  #skipLine(chunk: Uint8Array, from: number): number {
    const end = chunk.indexOf(newline, from);
    if (end === -1) return chunk.length;
    const name = this.#name;
    this.#start();
    if (name === 'PING') this.#take({ op: 'ping' });
    else if (name === 'PONG') this.#take({ op: 'pong' });
    return end + 1;
  }

  #takePayload(chunk: Uint8Array, from: number): number {
    const missing = this.#payload!.bytes - this.#partsBytes;
    const part = chunk.subarray(from, from + missing);
    this.#keep(part);
    if (part.length === missing) this.#state = 'return';
    return from + part.length;
  }

  #finishPayload(): void {
    const { subject, reply, headerBytes } = this.#payload!;
    const whole = this.#join();
    this.#start();
    this.#take({
      op: 'pub',
      subject,
      reply,
      headers: headerBytes === 0 ? undefined : whole.subarray(0, headerBytes),
      body: whole.subarray(headerBytes),
    });
  }

  #expect(byte: number, wanted: number): boolean {
    if (byte !== wanted) this.#break(unknownOperation);
    return byte === wanted;
  }

  #keep(part: Uint8Array): void {
    this.#parts.push(part);
    this.#partsBytes += part.length;
  }

  #join(last?: Uint8Array): Uint8Array {
    const parts = last === undefined ? this.#parts : [...this.#parts, last];
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  #start(): void {
    this.#state = 'name';
    this.#name = '';
    this.#parts = [];
    this.#partsBytes = 0;
    this.#payload = undefined;
  }

  #break(text: string | undefined): void {
    this.#start();
    this.#state = 'broken';
    this.#take({ op: 'violation', text });
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}
