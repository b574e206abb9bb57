/**
 * What one running call has: its input, the output so far, its chained calls.
 * One context belongs to one Faaslet and is begun anew for each call.
 */
import type { RequestHead } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallArguments } from '../../proto/function-settings.ts';
import { type FunctionName, toFunctionName, type UserName } from '../../proto/names.ts';
import type { ObjectOp } from '../../proto/private-subjects.ts';
import type { ObjectAnswer, ObjectRequest } from '../objects/messages.ts';
import type { GuestState, LocalTier } from '../state/tier/local-tier.ts';
import { GatheredBytes } from './io/gathered-bytes.ts';

export interface ChainedCall {
  /** What the guest knows it by, from 1. */
  readonly handle: number;
  readonly function: FunctionName;
  readonly input: Uint8Array;
  /** Nothing for a call of the function's entry. */
  readonly pointer?: TablePlace | undefined;
}

/** A function of a module's table. */
export interface TablePlace {
  readonly index: number;
  /** Of the function whose module it is. */
  readonly version: string;
}

export interface ChainedResult {
  readonly returnValue: number;
  readonly output: Uint8Array;
}

/** Of all calls together. */
export interface HeldMemory {
  /** Before the memory is taken. @throws FaasmError `guest_out_of_memory` */
  hold(bytes: number): void;
  release(bytes: number): void;
}

export interface CallLimits {
  /** Of a chained call. */
  readonly inputMaxBytes: number;
  readonly outputMaxBytes: number;
  /** Of standard error, the last so many bytes are kept. */
  readonly stderrMaxBytes: number;
  readonly chainedCallsMax: number;
  /** Of a side module. */
  readonly moduleMaxBytes: number;
}

export interface CallSettings {
  readonly user: UserName;
  readonly input: Uint8Array;
  /** Nothing for most calls. */
  readonly given?: CallArguments | undefined;
  /** What a CGI program is asked, where the call came as a request. */
  readonly request?: RequestHead | undefined;
  /** The place in the table of what is called; nothing for the entry. */
  readonly pointer?: number | undefined;
  /** Makes the chained calls; called at the first wait for one of them. */
  readonly dispatch: (calls: readonly ChainedCall[]) => void;
}

/** Asks the objects actor. @throws FaasmError */
export type AskUserObjects = (op: ObjectOp, user: UserName, request: ObjectRequest) => Promise<ObjectAnswer>;

interface Waiting {
  resolve(result: ChainedResult): void;
  reject(error: unknown): void;
}

const empty = new Uint8Array(0);
const anyAmount: HeldMemory = { hold() {}, release() {} };
/** Less than this is not counted. */
const heldMinBytes = 4096;
/** What is written piece by piece is counted in steps. */
const heldStepBytes = 64 * 1024;

export class CallContext {
  readonly limits: CallLimits;
  readonly #tier: LocalTier;
  #user = '' as UserName;
  #state: GuestState | undefined;
  input: Uint8Array = empty;
  #dispatch: CallSettings['dispatch'] = () => {};
  #output: Uint8Array | undefined;
  readonly #stdout: GatheredBytes;
  #stderr: Uint8Array[] = [];
  #stderrBytes = 0;
  #pending: ChainedCall[] = [];
  #chained = 0;
  #results = new Map<number, ChainedResult>();
  #waiting = new Map<number, Waiting>();
  readonly #memory: HeldMemory;
  /** What was counted for this call: all of it, its output, its standard output, and the input of each chained call. */
  #held = 0;
  #outputHeld = 0;
  #stdoutHeld = 0;
  readonly #inputsHeld = new Map<number, number>();

  /** Names of buckets, and of the keys of each, as the guest was last told their number. */
  readonly objectNames = new Map<string, readonly string[]>();
  readonly #objects: AskUserObjects;

  constructor(limits: CallLimits, tier: LocalTier, objects: AskUserObjects, memory: HeldMemory = anyAmount) {
    this.limits = limits;
    this.#memory = memory;
    this.#objects = objects;
    this.#stdout = new GatheredBytes(limits.outputMaxBytes);
    this.#tier = tier;
  }

  begin(settings: CallSettings): void {
    this.#user = settings.user;
    this.input = settings.input;
    this.#dispatch = settings.dispatch;
  }

  /** Forgets the call: what it holds of state is free, and what still waits is never answered. */
  reset(): void {
    this.#state?.end();
    this.#state = undefined;
    this.input = empty;
    this.objectNames.clear();
    this.#dispatch = () => {};
    this.#output = undefined;
    if (this.#stdout.length > 0) this.#stdout.clear();
    if (this.#stderrBytes > 0) {
      this.#stderr = [];
      this.#stderrBytes = 0;
    }
    if (this.#chained > 0) {
      this.#pending = [];
      this.#chained = 0;
      this.#results = new Map();
      this.#waiting = new Map();
    }
    if (this.#held > 0) {
      this.#release(this.#held);
      this.#outputHeld = this.#stdoutHeld = 0;
      this.#inputsHeld.clear();
    }
  }

  /** State, as this call uses it. */
  state(): GuestState {
    this.#state ??= this.#tier.begin(this.#user);
    return this.#state;
  }

  /** It has locks on state that it has not given back. */
  get holdsLocks(): boolean {
    return this.#state?.holdsLocks ?? false;
  }

  /** @throws FaasmError `lock_lost` */
  async unlockAll(): Promise<void> {
    await this.#state?.unlockAll();
  }

  /** Objects of the call's user. */
  askObjects(op: ObjectOp, request: ObjectRequest): Promise<ObjectAnswer> {
    return this.#objects(op, this.#user, request);
  }

  /** What the call gives: what it last set as its output, else what it wrote to standard output. */
  output(): Uint8Array {
    return this.#output ?? this.#stdout.get();
  }

  /** The last bytes written to standard error, as text. */
  stderr(): string | undefined {
    if (this.#stderrBytes === 0) return undefined;
    const bytes = join(this.#stderr, this.#stderrBytes).subarray(-this.limits.stderrMaxBytes);
    return new TextDecoder().decode(bytes);
  }

  /** Chained calls that nobody has waited for; they are made when the call has succeeded. */
  pending(): readonly ChainedCall[] {
    return this.#pending;
  }

  /** @param bytes live guest memory @throws FaasmError `too_large` */
  setOutput(bytes: Uint8Array): void {
    this.#checkOutput(bytes.length);
    this.#release(this.#outputHeld);
    this.#outputHeld = this.#hold(bytes.length);
    this.#output = bytes.slice();
  }

  /** @param bytes live guest memory @throws FaasmError `too_large` */
  writeStdout(bytes: Uint8Array): void {
    const total = this.#stdout.length + bytes.length;
    this.#checkOutput(total);
    if (total > this.#stdoutHeld + heldStepBytes) this.#stdoutHeld += this.#hold(total - this.#stdoutHeld);
    this.#stdout.write(bytes);
  }

  /** @param bytes live guest memory */
  writeStderr(bytes: Uint8Array): void {
    const kept = bytes.subarray(-this.limits.stderrMaxBytes);
    if (kept.length === 0) return;
    this.#stderr.push(kept.slice());
    this.#stderrBytes += kept.length;
    if (this.#stderr.length >= 1024 || this.#stderrBytes > 4 * this.limits.stderrMaxBytes) {
      const tail = join(this.#stderr, this.#stderrBytes).slice(-this.limits.stderrMaxBytes);
      this.#stderr = [tail];
      this.#stderrBytes = tail.length;
    }
  }

  /** @param input live guest memory @throws FaasmError `bad_name`, `chain_refused`, `too_large`, `guest_out_of_memory` */
  chain(name: string, input: Uint8Array, pointer?: TablePlace): number {
    if (this.#chained >= this.limits.chainedCallsMax) {
      throw new FaasmError('chain_refused', `A call chains at most ${this.limits.chainedCallsMax} calls`);
    }
    const { inputMaxBytes } = this.limits;
    if (input.length > inputMaxBytes) {
      throw new FaasmError(
        'too_large',
        `The input of a chained call has ${input.length} bytes and may have ${inputMaxBytes}; raise FAASM_INPUT_MAX_BYTES or pass it through state`,
      );
    }
    const held = this.#hold(input.length);
    const handle = ++this.#chained;
    if (held > 0) this.#inputsHeld.set(handle, held);
    this.#pending.push({ handle, function: toFunctionName(name), input: input.slice(), pointer });
    return handle;
  }

  /** Waits for a chained call; the first wait makes all that are pending. @throws FaasmError `bad_request` */
  awaitCall(handle: number): ChainedResult | Promise<ChainedResult> {
    const known = this.#results.get(handle);
    if (known !== undefined) return known;
    if (handle < 1 || handle > this.#chained) {
      throw new FaasmError('bad_request', `This call chained no call with id ${handle}`);
    }
    if (this.#pending.length > 0) {
      const calls = this.#pending;
      this.#pending = [];
      this.#dispatch(calls);
    }
    return new Promise((resolve, reject) => this.#waiting.set(handle, { resolve, reject }));
  }

  /** A chained call has ended. */
  settle(handle: number, result: ChainedResult): void {
    this.#release(this.#inputsHeld.get(handle) ?? 0);
    this.#inputsHeld.delete(handle);
    const waiting = this.#waiting.get(handle);
    this.#waiting.delete(handle);
    try {
      this.#hold(result.output.length);
    } catch (thrown) {
      this.#results.set(handle, { returnValue: 1, output: empty });
      waiting?.reject(thrown);
      return;
    }
    this.#results.set(handle, result);
    waiting?.resolve(result);
  }

  /** Chained calls could not be made: whoever waits for one fails. */
  refuse(error: FaasmError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  /** @returns what was counted @throws FaasmError `guest_out_of_memory` */
  #hold(bytes: number): number {
    if (bytes < heldMinBytes) return 0;
    const counted = Math.ceil(bytes / heldMinBytes) * heldMinBytes;
    this.#memory.hold(counted);
    this.#held += counted;
    return counted;
  }

  #release(bytes: number): void {
    if (bytes === 0) return;
    this.#memory.release(bytes);
    this.#held -= bytes;
  }

  #checkOutput(byteLength: number): void {
    const { outputMaxBytes } = this.limits;
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
