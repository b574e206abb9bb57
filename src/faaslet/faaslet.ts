/**
 * A Faaslet: one instance of a function version, which runs one call at a time and is put back to its snapshot after.
 *
 *   instantiate -> initialize | attach the Proto-Faaslet -> run -> reset -> run -> … -> thrown away
 *
 * What a call can change is its memory, its mutable globals and what the host holds for it; all three are put back.
 * A Faaslet that cannot be put back for certain (a trap, a grown memory, a module that is not restorable) is not
 * used again.
 *
 * What guests can do, and how their calls begin and end, a Faaslet is given: its capabilities and its way.
 */
import { type CallEnd, type CallError, failedEnd } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { CallContext, type CallLimits, type CallSettings } from '../guest/call-context.ts';
import { type GuestState, toReturnedError, toThrownError } from '../guest/guest-error.ts';
import { GuestExit } from '../guest/guest-fault.ts';
import type { HeldMemory } from '../guest/held-bytes.ts';
import { toThrown } from '../guest/uncatchable.ts';
import type { Tree } from '../guest/wasi/tree.ts';
import type { WasiCall } from '../guest/wasi/wasi.ts';
import { wasmPageBytes } from '../memory/port.ts';
import { Instance, type InstanceParts } from './instance.ts';
import type { Booted, InitializedState, Program } from './program.ts';
import { Surroundings, type SurroundingsPowers } from './surroundings.ts';
import type { Suspension } from './suspension.ts';
import type { ChooseWay, Way } from './ways/way.ts';

/** What an executor gives its Faaslets. */
export interface FaasletPowers extends SurroundingsPowers {
  readonly memory: InstanceParts['memory'];
  readonly capabilities: InstanceParts['capabilities'];
  readonly way: ChooseWay;
  readonly limits: CallLimits;
  /** @default any amount may be held */
  readonly held?: HeldMemory;
}

export class Faaslet {
  readonly program: Program;
  readonly call: CallContext;
  readonly #surroundings: Surroundings;
  readonly #instance: Instance;
  readonly #way: Way;
  #failed = false;
  #booted: Booted = {};

  /**
   * Shows the program's snapshot, if there is one.
   * @throws what instantiation throws: a link error, a table over the limit, no memory; FaasmError `no_capacity`
   */
  constructor(program: Program, powers: FaasletPowers) {
    const { memory, capabilities, way, limits, held } = powers;
    this.program = program;
    this.call = new CallContext(limits, held);
    this.#surroundings = new Surroundings(program, powers, this.call);
    this.#instance = new Instance(program, {
      memory,
      capabilities,
      call: this.call,
      createWasi: (guestMemory) => this.#surroundings.createWasi(guestMemory),
    });
    const { proto } = program;
    if (proto?.image !== undefined) this.#instance.pages.attach(proto.image);
    if (proto !== undefined) this.#instance.setGlobals(proto.globals);
    this.#way = way(this.#instance);
  }

  /** Whether its initialisation has to run first, because no snapshot shows what it leaves. */
  get needsInitialization(): boolean {
    const { proto, layout } = this.program;
    return proto === undefined && layout.initializers.length > 0;
  }

  /** Runs the start function, the constructors and the zygote. The error of a failure, or nothing. */
  async initialize(settings: CallSettings, suspension: Suspension): Promise<CallError | undefined> {
    try {
      this.#begin(settings, suspension);
      for (const name of this.program.layout.initializers) {
        const initialize = this.#instance.function(name);
        await initialize();
        suspension.left();
        await new Promise<void>((resolve) => suspension.back(resolve));
      }
      const booted = this.#way.boot?.(settings, (change) => this.#begin(settings, suspension, change));
      this.#booted = (await booted) ?? {};
      // What was denied to initialisation is no reason for what happens in a call.
      this.#instance.forgetDeniedPages();
      return undefined;
    } catch (caught) {
      this.#failed = true;
      const thrown = toThrown(caught);
      return toThrownError(
        thrown instanceof GuestExit
          ? new FaasmError('guest_returned', `its initialisation exited with ${thrown.code}`)
          : thrown,
        this.#guestState(0),
      );
    }
  }

  /** What initialisation left, or nothing when it left what cannot be carried over to another instance. */
  capture(): InitializedState | undefined {
    if (this.#booted.stack !== undefined) return { image: undefined, globals: [], ...this.#booted };
    if (!this.program.layout.restorable || this.#instance.hasChanged) return undefined;
    const { globals, pages } = this.#instance;
    return globals && { image: pages.capture(), globals, ...this.#booted };
  }

  /** Runs one call. An end that needed no waiting is given as it is, without a promise. */
  run(settings: CallSettings, suspension: Suspension): CallEnd | Promise<CallEnd> {
    try {
      this.#begin(settings, suspension);
      const returned = this.#way.enter(settings);
      if (!(returned instanceof Promise)) return this.#returned(returned);
      return returned.then(
        (value) => this.#finish(value),
        (thrown) => this.#threw(thrown),
      );
    } catch (thrown) {
      return this.#threw(thrown);
    }
  }

  /** Forgets the call. Whether the Faaslet can run another one. */
  reset(): boolean {
    const { proto } = this.program;
    const instance = this.#instance;
    this.call.reset();
    instance.reset();
    if (this.#failed || proto === undefined || instance.hasChanged) return false;
    instance.wasi.reset();
    if (!instance.pages.reset()) return false;
    instance.setGlobals(proto.globals);
    return true;
  }

  /** The call will never go on, whatever it waits for. */
  abandon(): void {
    this.#instance.waiting.abandon();
    this.#failed = true;
  }

  /** It will not be used again: its pages are free at once, whenever the instance is collected. */
  close(): void {
    this.#instance.pages.discard();
  }

  /** Looks how much memory it holds. */
  countPages(): void {
    this.#instance.pages.count();
  }

  /** Pages of real memory that it held when it was last counted. */
  get heldPages(): number {
    return this.#instance.pages.held;
  }

  /** Of its linear memory, whether it holds it or not. */
  get memoryBytes(): number {
    return this.#instance.pages.byteLength;
  }

  /** As the call has them. */
  get files(): Tree {
    return this.#instance.wasi.tree;
  }

  #begin(settings: CallSettings, suspension: Suspension, change?: (found: WasiCall) => WasiCall): void {
    const { waiting, wasi } = this.#instance;
    waiting.begin(suspension);
    this.call.begin(settings);
    const found = this.#surroundings.begin(wasi, settings);
    const begun = this.#way.begin === undefined ? found : this.#way.begin(settings, found);
    wasi.begin(change === undefined ? begun : change(begun));
  }

  #finish(value: unknown): CallEnd | Promise<CallEnd> {
    const finished = this.#instance.finish();
    if (finished === undefined) return this.#returned(value);
    return finished.then(
      () => this.#returned(value),
      (thrown) => this.#threw(thrown),
    );
  }

  #returned(value: unknown): CallEnd {
    return this.#ended(typeof value === 'number' ? value : 0);
  }

  #threw(caught: unknown): CallEnd {
    const thrown = toThrown(caught);
    if (thrown instanceof GuestExit) return this.#ended(thrown.code);
    this.#failed = true;
    const { output, chains } = this.call;
    const error = toThrownError(thrown, this.#guestState(chains.pending().length));
    return { ...failedEnd(error, output.bytes()), stderr: output.stderr() };
  }

  #ended(returnValue: number): CallEnd {
    const { output, chains } = this.call;
    const end: CallEnd = { output: output.bytes(), returnValue, stderr: output.stderr() };
    const pending = chains.pending();
    if (!this.#isAnswer(returnValue))
      return { ...end, error: toReturnedError(returnValue, this.#guestState(pending.length)) };
    const left = pending.length === 0 ? end : { ...end, chains: pending };
    if (this.#way.end === undefined) return left;
    try {
      return this.#way.end(left);
    } catch (thrown) {
      return this.#threw(thrown);
    }
  }

  #isAnswer(returnValue: number): boolean {
    return returnValue === 0 || this.program.settings.exitCodes?.includes(returnValue) === true;
  }

  #guestState(droppedChains: number): GuestState {
    const { user, function: name } = this.program;
    const { output } = this.call;
    return {
      name: `${user}/${name}`,
      deniedPages: this.#instance.deniedPages,
      memoryPages: this.memoryBytes / wasmPageBytes,
      stderr: output.stderr(),
      output: output.bytes(),
      droppedChains,
    };
  }
}
