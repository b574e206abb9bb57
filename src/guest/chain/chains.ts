/** The calls that a call chains: those to be made, those that are waited for, and what became of them. */
import type { CallEnd, ChainedCall, TablePlace } from '../../../proto/call.ts';
import { FaasmError } from '../../../proto/errors.ts';
import { toFunctionName } from '../../../proto/names.ts';
import type { HeldBytes } from '../held-bytes.ts';

export interface ChainInputLimits {
  /** Of a chained call. */
  readonly inputMaxBytes: number;
  readonly chainedCallsMax: number;
}

/** Makes chained calls; called at the first wait for one of them. */
export type Dispatch = (calls: readonly ChainedCall[]) => void;

interface Waiting {
  resolve(result: CallEnd): void;
  reject(error: unknown): void;
}

const noDispatch: Dispatch = () => {};

export class Chains {
  readonly #limits: ChainInputLimits;
  readonly #held: HeldBytes;
  #dispatch = noDispatch;
  #pending: ChainedCall[] = [];
  #chained = 0;
  #results = new Map<number, CallEnd>();
  #waiting = new Map<number, Waiting>();
  /** What was counted of the input of each. */
  readonly #inputsHeld = new Map<number, number>();

  constructor(limits: ChainInputLimits, held: HeldBytes) {
    this.#limits = limits;
    this.#held = held;
  }

  begin(dispatch: Dispatch): void {
    this.#dispatch = dispatch;
  }

  /** What still waits is never answered. */
  reset(): void {
    this.#dispatch = noDispatch;
    if (this.#chained === 0) return;
    this.#pending = [];
    this.#chained = 0;
    this.#results = new Map();
    this.#waiting = new Map();
    this.#inputsHeld.clear();
  }

  /** Those that nobody has waited for; they are made when the call has succeeded. */
  pending(): readonly ChainedCall[] {
    return this.#pending;
  }

  /** @param input live guest memory @throws FaasmError `bad_name`, `chain_refused`, `too_large`, `guest_out_of_memory` */
  add(name: string, input: Uint8Array, pointer?: TablePlace): number {
    const { chainedCallsMax, inputMaxBytes } = this.#limits;
    if (this.#chained >= chainedCallsMax) {
      throw new FaasmError('chain_refused', `A call chains at most ${chainedCallsMax} calls`);
    }
    if (input.length > inputMaxBytes) {
      throw new FaasmError(
        'too_large',
        `The input of a chained call has ${input.length} bytes and may have ${inputMaxBytes}; raise FAASM_INPUT_MAX_BYTES or pass it through state`,
      );
    }
    const held = this.#held.hold(input.length);
    const handle = ++this.#chained;
    if (held > 0) this.#inputsHeld.set(handle, held);
    this.#pending.push({ handle, function: toFunctionName(name), input: input.slice(), pointer });
    return handle;
  }

  /** Waits for one; the first wait makes all that are pending. @throws FaasmError `bad_request` */
  await(handle: number): CallEnd | Promise<CallEnd> {
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

  /** One has ended. */
  settle(handle: number, result: CallEnd): void {
    this.#held.release(this.#inputsHeld.get(handle) ?? 0);
    this.#inputsHeld.delete(handle);
    const waiting = this.#waiting.get(handle);
    this.#waiting.delete(handle);
    try {
      this.#held.hold(result.output.length);
    } catch (thrown) {
      this.#results.set(handle, { returnValue: 1, output: new Uint8Array(0) });
      waiting?.reject(thrown);
      return;
    }
    this.#results.set(handle, result);
    waiting?.resolve(result);
  }

  /** They could not be made: whoever waits for one fails. */
  refuse(error: FaasmError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
