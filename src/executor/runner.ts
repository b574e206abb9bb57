/**
 * What runs Faaslets, on the thread of an executor. It takes calls in the order they were posted, keeps
 * idle Faaslets for the next call of their program, and tells how each call ended.
 *
 * A call that a guest chains and waits for runs here too, without leaving the thread, if its program is here and was
 * quick so far; all others go to the worker pool. To the pool, what a call chained here is a part of it: it is inside
 * its guest while they are inside theirs, it ends when they have ended, and it is stopped with them.
 */
import {
  type CallEnd,
  type CallError,
  type ChainedCall,
  failedEnd,
  fromCallError,
  toCallError,
} from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { BegunMarks } from '../calls/begun-marks.ts';
import type { Faaslet } from '../faaslet/faaslet.ts';
import type { FaasletPool } from '../faaslet/faaslet-pool.ts';
import type { Program } from '../faaslet/program.ts';
import type { Suspension } from '../faaslet/suspension.ts';
import type { CallSettings } from '../guest/call-context.ts';
import { toThrownError } from '../guest/guest-error.ts';
import type { CallRing } from './call-ring.ts';
import { executorSlots } from './call-slots.ts';
import { claim, controlWords, type GuestGate } from './guest-gate.ts';
import type { LocalPrograms } from './local-programs.ts';
import type { FromExecutor, PostedCall, ToExecutor } from './messages.ts';
import { isPlain } from './plain-end.ts';

export interface RunnerParts {
  readonly faaslets: FaasletPool;
  readonly gate: GuestGate;
  readonly control: Int32Array;
  readonly programs: LocalPrograms;
  /** A call that nobody chained has depth 0. */
  readonly chainDepthMax: number;
  readonly ends: CallRing;
  readonly begun: BegunMarks;
  /** @param transfer buffers that are handed over, and gone from here */
  post(message: FromExecutor, transfer?: ArrayBuffer[]): void;
}

/** One call on its way through a Faaslet: one that was posted, or one that was chained here. */
interface Run {
  /** The slot of a posted call; a number beyond the slots for one that was chained here. */
  readonly id: number;
  /** Of the posted call that it is, or is a part of. */
  readonly slot: number;
  readonly depth: number;
  readonly program: Program;
  /** None once it has ended. */
  faaslet: Faaslet | undefined;
  startedMs: number;
  /** When it last entered its guest, and how long it was inside before. */
  enteredMs: number;
  insideMs: number;
  /** How long it was inside since its memory was last counted. */
  uncountedMs: number;
  /** Calls it chained here that have not ended. */
  open: number;
  /** How it ended, while calls that it chained here go on. */
  end: CallEnd | undefined;
  done(end: CallEnd): void;
}

/** A memory is counted at a quarter of the pace at which a guest fills it, and not after less than so long. */
const countedBytesPerMs = 64 * 1024 * 1024;
const uncountedMinMs = 0.1;
const noOutput = new Uint8Array(0);
const transferredMinBytes = 64 * 1024;
/** Beyond so many Faaslets in use, chained calls go to the pool, which knows how many there may be. */
const runningMax = 12_000;

export class Runner {
  readonly #parts: RunnerParts;
  readonly #running = new Map<number, Run>();
  /** The slots of posted calls that have chained something. */
  readonly #chaining = new Set<number>();
  #lastLocal = executorSlots;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Runs it when those before it have ended or wait. */
  run(call: PostedCall): void {
    this.#parts.gate.enter(call[0], call[0], () => this.#start(call));
  }

  receive(message: Exclude<ToExecutor, PostedCall>): void {
    const { gate, programs, faaslets } = this.#parts;
    switch (message.type) {
      case 'program':
        programs.add(message.number, message.program);
        this.#parts.post({ type: 'added', number: message.number });
        return;
      case 'forget': {
        const program = programs.remove(message.number);
        if (program !== undefined) faaslets.forget(program.key);
        this.#parts.post({ type: 'forgot' });
        return;
      }
      case 'initialize':
        gate.enter(message.slot, message.slot, () => void this.#initialize(message.slot, message.program));
        return;
      case 'evict':
        faaslets.evictSome();
        return;
      case 'settled':
        this.#running.get(message.run)?.faaslet?.call.chains.settle(message.handle, message.end);
        return;
      case 'refused':
        this.#running.get(message.run)?.faaslet?.call.chains.refuse(fromCallError(message.error));
        return;
      case 'cancel':
        this.#cancel(message.slot);
        return;
    }
  }

  #start([slot, number, input, depth, given, pointer, request, begins]: PostedCall): void {
    if (!this.#claim(slot)) return;
    const program = this.#parts.programs.get(number);
    const done = (end: CallEnd): void => this.#report(slot, end);
    if (program === undefined) {
      this.#parts.gate.leave(slot);
      done(
        failedEnd(toCallError(new FaasmError('internal', `This executor was not given program ${number}`))),
      );
      return;
    }
    const run = newRun(slot, slot, depth, program, done);
    this.#running.set(slot, run);
    try {
      if (begins !== undefined) this.#parts.begun.mark(slot, begins);
      run.faaslet = this.#parts.faaslets.take(program, depth > 0);
    } catch (thrown) {
      const error = toThrownError(thrown, guestOf(program));
      if (error.code === 'no_capacity') this.#refuse(run, error);
      else this.#end(run, failedEnd(error));
      return;
    }
    this.#begin(run, run.faaslet, input, { given, pointer, request });
  }

  /** It has not begun, and may begin when there is room. */
  #refuse(run: Run, error: CallError): void {
    this.#running.delete(run.id);
    this.#parts.begun.clear(run.slot);
    this.#parts.gate.leave(run.id);
    this.#parts.post({ type: 'full', slot: run.slot, error });
  }

  #begin(
    run: Run,
    faaslet: Faaslet,
    input: Uint8Array,
    { given, pointer, request }: Pick<CallSettings, 'given' | 'pointer' | 'request'>,
  ): void {
    const { program } = run;
    run.startedMs = run.enteredMs = performance.now();
    const settings: CallSettings = {
      user: program.user,
      input,
      given,
      pointer,
      request,
      dispatch: (calls) => this.#chain(run, calls),
    };
    const suspension = this.#suspension(run);
    const end = faaslet.needsInitialization
      ? initializeThenRun(faaslet, settings, suspension)
      : faaslet.run(settings, suspension);
    if (end instanceof Promise) void end.then((settled) => this.#end(run, settled));
    else this.#end(run, end);
  }

  /** The guest has ended; its call has too, once all that it chained here has. */
  #end(run: Run, end: CallEnd): void {
    // A call that was cancelled meanwhile has been reported already.
    if (this.#running.get(run.id) !== run) return;
    const { faaslet } = run;
    run.uncountedMs += performance.now() - run.enteredMs;
    this.#recount(run);
    run.faaslet = undefined;
    const { faaslets, programs } = this.#parts;
    if (faaslet !== undefined) faaslets.giveBack(faaslet, programs.has(run.program));
    const endedMs = performance.now();
    run.insideMs += endedMs - run.enteredMs;
    programs.record(run.program, endedMs - run.startedMs, end);
    this.#parts.gate.leave(run.id);
    run.end = end;
    this.#completeIfAlone(run);
  }

  #completeIfAlone(run: Run): void {
    if (run.open > 0 || run.end === undefined) return;
    this.#running.delete(run.id);
    run.done({ ...run.end, ranUs: Math.ceil(run.insideMs * 1000) });
  }

  /** At once: the next call may never end, and this one's end would be lost with the thread. */
  #report(slot: number, end: CallEnd): void {
    const { ends, post } = this.#parts;
    const { output, ranUs = 0 } = end;
    // What a ring says could overtake what was posted of this call.
    const hasPosted = this.#chaining.delete(slot);
    if (!isPlain(end)) post({ type: 'ended', slot, end }, toTransfer(output));
    else if (!hasPosted && ends.write(slot, ranUs, 0, output)) ends.wake();
    else post([slot, output, ranUs], toTransfer(output));
  }

  /** Makes chained calls that are waited for: here those that can be, by the pool the others. */
  #chain(run: Run, calls: readonly ChainedCall[]): void {
    const others = calls.filter((call) => !this.#chainHere(run, call));
    const { id, slot, depth } = run;
    this.#chaining.add(slot);
    if (others.length > 0) this.#parts.post({ type: 'chain', slot, run: id, depth, calls: others });
  }

  #chainHere(parent: Run, call: ChainedCall): boolean {
    const { programs, gate, chainDepthMax } = this.#parts;
    // How long the entry takes says nothing of another function of the module.
    const isEntry = call.pointer === undefined;
    const program = isEntry ? programs.quick(parent.program.user, call.function) : undefined;
    if (program === undefined || parent.depth >= chainDepthMax || this.#running.size >= runningMax)
      return false;
    const child = newRun(++this.#lastLocal, parent.slot, parent.depth + 1, program, (whole) => {
      const { output, chains, ...end } = whole;
      // Made as those of a call that the pool ran, when it has ended; nobody is told what becomes of them.
      if (chains !== undefined) {
        const { slot, id: run, depth } = child;
        this.#parts.post({ type: 'chain', slot, run, depth, calls: chains });
      }
      this.#parts.post({
        type: 'chained',
        slot: parent.slot,
        function: call.function,
        durationMs: performance.now() - child.startedMs,
        outputBytes: output.length,
        end,
      });
      const returnValue = end.error === undefined ? end.returnValue : end.returnValue || 1;
      parent.faaslet?.call.chains.settle(call.handle, { returnValue, output });
      parent.open--;
      this.#completeIfAlone(parent);
    });
    parent.open++;
    gate.enter(child.id, child.slot, () => {
      // Its parent may have been cancelled while it waited for its turn.
      if (this.#running.get(parent.id) === parent) this.#beginHere(parent, child, call);
      else gate.leave(child.id);
    });
    return true;
  }

  /** Where there is no room for the chained call after all, the pool makes it. */
  #beginHere(parent: Run, child: Run, call: ChainedCall): void {
    try {
      child.faaslet = this.#parts.faaslets.take(child.program, true);
    } catch {
      this.#parts.gate.leave(child.id);
      const { slot, id, depth } = parent;
      this.#parts.post({ type: 'chain', slot, run: id, depth, calls: [call] });
      parent.open--;
      this.#completeIfAlone(parent);
      return;
    }
    this.#running.set(child.id, child);
    this.#begin(child, child.faaslet, call.input, {});
  }

  async #initialize(slot: number, program: Program): Promise<void> {
    if (!this.#claim(slot)) return;
    const run = newRun(slot, slot, 0, program, () => {});
    let state: ReturnType<Faaslet['capture']>;
    let error: CallError | undefined;
    this.#running.set(slot, run);
    try {
      run.faaslet = this.#parts.faaslets.take(program, false);
      const settings = { user: program.user, input: noOutput, dispatch: () => {} };
      error = await run.faaslet.initialize(settings, this.#suspension(run));
      if (error === undefined) state = run.faaslet.capture();
    } catch (thrown) {
      error = toThrownError(thrown, guestOf(program));
    }
    if (this.#running.get(slot) !== run) return;
    this.#running.delete(slot);
    if (run.faaslet !== undefined) this.#parts.faaslets.giveBack(run.faaslet, false);
    this.#parts.gate.leave(slot);
    this.#parts.post({ type: 'initialized', slot, state, error });
  }

  /** Stops a posted call and all that it chained here. */
  #cancel(slot: number): void {
    if (!this.#running.has(slot)) return;
    for (const run of [...this.#running.values()]) {
      if (run.slot !== slot) continue;
      run.faaslet?.abandon();
      if (run.faaslet !== undefined) this.#parts.faaslets.giveBack(run.faaslet, false);
      this.#running.delete(run.id);
      this.#parts.gate.leave(run.id);
    }
    const error: CallError = { code: 'cancelled', message: 'The call was cancelled', details: {} };
    this.#report(slot, failedEnd(error));
  }

  #suspension(run: Run): Suspension {
    const { id, slot } = run;
    return {
      left: () => {
        const insideMs = performance.now() - run.enteredMs;
        run.insideMs += insideMs;
        run.uncountedMs += insideMs;
        this.#recount(run);
        this.#parts.gate.leave(id);
      },
      back: (go) =>
        this.#parts.gate.enter(id, slot, () => {
          run.enteredMs = performance.now();
          go();
        }),
    };
  }

  /** What a guest holds as it waits is counted once it may have touched much since the last time. */
  #recount(run: Run): void {
    const { faaslet } = run;
    if (faaslet === undefined) return;
    if (run.uncountedMs < Math.max(uncountedMinMs, faaslet.memoryBytes / countedBytesPerMs)) return;
    run.uncountedMs = 0;
    this.#parts.faaslets.recount(faaslet);
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

/** A large output is handed over; of a small one a copy costs less. */
function toTransfer({ buffer, length }: Uint8Array): ArrayBuffer[] {
  return length >= transferredMinBytes && buffer instanceof ArrayBuffer ? [buffer] : [];
}

function newRun(id: number, slot: number, depth: number, program: Program, done: Run['done']): Run {
  return {
    id,
    slot,
    depth,
    program,
    faaslet: undefined,
    startedMs: 0,
    enteredMs: 0,
    insideMs: 0,
    uncountedMs: 0,
    open: 0,
    end: undefined,
    done,
  };
}

/** For a program without a Proto-Faaslet: it initialises itself in every call, within the call's time. */
async function initializeThenRun(
  faaslet: Faaslet,
  settings: CallSettings,
  suspension: Suspension,
): Promise<CallEnd> {
  const error = await faaslet.initialize(settings, suspension);
  if (error === undefined) return faaslet.run(settings, suspension);
  return failedEnd(error, faaslet.call.output.bytes());
}

function guestOf(program: Program) {
  const name = `${program.user}/${program.function}`;
  return { name, deniedPages: 0, memoryPages: 0, stderr: undefined, output: noOutput, droppedChains: 0 };
}
