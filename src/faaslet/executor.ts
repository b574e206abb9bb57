/**
 * An executor: the part of a worker thread that runs Faaslets. It takes calls in the order they were posted, keeps
 * idle Faaslets for the next call of their program, and tells how each call ended.
 */
import { type CallError, fromCallError, toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { ExecutorOrder, FromExecutor, PostedCall } from './executor-messages.ts';
import { Faaslet, type FaasletPowers, type Outcome, type Suspension } from './faaslet.ts';
import { toThrownError } from './guest-error.ts';
import { claim, controlWords, type GuestGate } from './guest-gate.ts';
import type { CallSettings } from './host/faasm/call-context.ts';
import type { IdleFaaslets } from './idle-faaslets.ts';
import type { Program } from './program.ts';

export interface ExecutorParts {
  readonly powers: FaasletPowers;
  readonly gate: GuestGate;
  readonly control: Int32Array;
  readonly idle: IdleFaaslets;
  post(message: FromExecutor): void;
}

const noOutput = new Uint8Array(0);

export class Executor {
  readonly #parts: ExecutorParts;
  readonly #programs = new Map<number, Program>();
  readonly #running = new Map<number, Faaslet>();

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Runs them in turn. */
  run(calls: readonly PostedCall[]): void {
    for (const call of calls) this.#parts.gate.enter(call[0], () => this.#start(call));
  }

  receive(message: ExecutorOrder): void {
    switch (message.type) {
      case 'program':
        this.#programs.set(message.number, message.program);
        return;
      case 'forget': {
        const program = this.#programs.get(message.number);
        this.#programs.delete(message.number);
        if (program !== undefined) this.#parts.idle.forget(program.key);
        return;
      }
      case 'initialize':
        this.#parts.gate.enter(message.slot, () => void this.#initialize(message.slot, message.program));
        return;
      case 'settled':
        this.#running.get(message.slot)?.context.settle(message.handle, message.result);
        return;
      case 'refused':
        this.#running.get(message.slot)?.context.refuse(fromCallError(message.error));
        return;
      case 'cancel':
        this.#cancel(message.slot);
        return;
    }
  }

  #start([slot, number, input]: PostedCall): void {
    if (!this.#claim(slot)) return;
    const program = this.#programs.get(number);
    if (program === undefined) {
      this.#end(
        slot,
        undefined,
        failure(toCallError(new FaasmError('internal', `This executor was not given program ${number}`))),
      );
      return;
    }
    let faaslet: Faaslet;
    try {
      faaslet = this.#parts.idle.take(program.key) ?? this.#create(program);
    } catch (thrown) {
      this.#end(slot, undefined, failure(toThrownError(thrown, guestOf(program))));
      return;
    }
    this.#running.set(slot, faaslet);
    const settings: CallSettings = {
      user: program.user,
      input,
      dispatch: (calls) => this.#parts.post({ type: 'chain', slot, calls }),
    };
    const outcome = faaslet.needsInitialization
      ? initializeThenRun(faaslet, settings, this.#suspension(slot))
      : faaslet.run(settings, this.#suspension(slot));
    if (outcome instanceof Promise) void outcome.then((settled) => this.#end(slot, faaslet, settled));
    else this.#end(slot, faaslet, outcome);
  }

  /** A Faaslet that shows the program's snapshot; when there is no room for it, idle ones make room. */
  #create(program: Program, proto = program.proto): Faaslet {
    for (;;) {
      try {
        const faaslet = new Faaslet(program, this.#parts.powers);
        if (proto !== undefined) faaslet.attach(proto);
        return faaslet;
      } catch (thrown) {
        const noRoom =
          thrown instanceof RangeError || (thrown instanceof FaasmError && thrown.code === 'no_capacity');
        if (!noRoom || !this.#parts.idle.evictSome()) throw thrown;
      }
    }
  }

  async #initialize(slot: number, program: Program): Promise<void> {
    if (!this.#claim(slot)) return;
    let state: ReturnType<Faaslet['capture']>;
    let error: CallError | undefined;
    try {
      const faaslet = this.#create(program);
      this.#running.set(slot, faaslet);
      const settings = { user: program.user, input: noOutput, dispatch: () => {} };
      error = await faaslet.initialize(settings, this.#suspension(slot));
      if (error === undefined) state = faaslet.capture();
    } catch (thrown) {
      error = toThrownError(thrown, guestOf(program));
    }
    this.#leave(slot);
    this.#parts.post({ type: 'initialized', slot, state, error });
  }

  #end(slot: number, faaslet: Faaslet | undefined, outcome: Outcome): void {
    // A call that was cancelled meanwhile has been reported already.
    if (this.#running.get(slot) !== faaslet) return;
    if (faaslet?.reset()) this.#parts.idle.put(faaslet);
    this.#leave(slot);
    // At once: the next call may never end, and this one's outcome would be lost with the thread.
    const { output, error, chains, stderr } = outcome;
    const isPlain = error === undefined && chains.length === 0 && stderr === undefined;
    this.#parts.post(isPlain ? [slot, output] : { type: 'ended', call: { slot, ...outcome } });
  }

  #cancel(slot: number): void {
    const faaslet = this.#running.get(slot);
    if (faaslet === undefined) return;
    faaslet.abandon();
    this.#end(slot, faaslet, failure({ code: 'cancelled', message: 'The call was cancelled', details: {} }));
  }

  #leave(slot: number): void {
    this.#running.delete(slot);
    this.#parts.gate.leave(slot);
  }

  #suspension(slot: number): Suspension {
    return {
      left: () => this.#parts.gate.leave(slot),
      back: (go) => this.#parts.gate.enter(slot, go),
    };
  }

  /** Whether the call is still ours to run: the pool may have withdrawn it while it was waiting here. */
  #claim(slot: number): boolean {
    const { control, gate } = this.#parts;
    const found = Atomics.compareExchange(control, controlWords.claims + slot, claim.posted, claim.started);
    if (found === claim.posted) return true;
    Atomics.store(control, controlWords.claims + slot, claim.free);
    gate.leave(slot);
    return false;
  }
}

/** For a program without a Proto-Faaslet: it initialises itself in every call, within the call's time. */
async function initializeThenRun(
  faaslet: Faaslet,
  settings: CallSettings,
  suspension: Suspension,
): Promise<Outcome> {
  const error = await faaslet.initialize(settings, suspension);
  return error === undefined ? faaslet.run(settings, suspension) : failure(error);
}

function failure(error: CallError): Outcome {
  return { output: noOutput, returnValue: 1, error, chains: [], stderr: undefined };
}

function guestOf(program: Program) {
  const name = `${program.user}/${program.function}`;
  return { name, deniedPages: 0, memoryPages: 0, stderr: undefined, droppedChains: 0 };
}
