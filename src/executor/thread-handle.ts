/**
 * The main thread's end of an executor thread: gives calls to it, takes back those it has not begun, reads its control
 * block, and tells when it is gone.
 *
 * Calls go through a ring, and the executor is woken at most once for all that the main thread gave it in one turn. A
 * call that is too large for the ring, is given arguments, is asynchronous, or whose program the executor may not have yet, is posted as
 * a message.
 */
import { getPriority, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Call, CallEnd, CallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId } from '../../proto/names.ts';
import type { Program } from '../faaslet/program.ts';
import { CallRing, callRingBytes, followCallRing, type OnRecord } from './call-ring.ts';
import { claim, controlWords } from './guest-gate.ts';
import { type ExecutorSettings, executorSlots, type FromExecutor, type ToExecutor } from './messages.ts';
import { fromPlain, type PlainEnd } from './plain-end.ts';
import type { ExecutorSample } from './port.ts';

/** Bytes with a buffer of their own: posting a view posts all of the buffer under it. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

export interface ExecutorEvents {
  ready(memory: string): void;
  ended(id: CallId, end: CallEnd): void;
  initialized(id: CallId, message: Extract<FromExecutor, { type: 'initialized' }>): void;
  chain(id: CallId, message: Extract<FromExecutor, { type: 'chain' }>): void;
  chained(id: CallId, message: Extract<FromExecutor, { type: 'chained' }>): void;
  /** There is no room for this call now. */
  full(id: CallId, error: CallError): void;
  /** It has no room for another Faaslet; others may have idle ones. */
  crowded(): void;
  ask(message: Extract<FromExecutor, { type: 'ask' }>): void;
  /**
   * The thread has ended, wanted or not; `notBegun` are those of its calls that it had not begun, and `exhausted` is
   * the one that used up the thread's heap.
   */
  gone(why: string, notBegun: readonly CallId[], exhausted: CallId | undefined): void;
}

/**
 * Of the JavaScript heap, which a guest can fill with objects, references and exceptions. 10,000 Faaslets take a tenth
 * of it; their linear memories are not in it.
 */
const resourceLimits = { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 64 };

/** A tenth of the weight, as the kernel's scheduler has it. */
const demotedNice = 10;
const niceMax = 19;

interface Announced {
  readonly number: number;
  /** The executor has said that it has the program. */
  added: boolean;
}

export class ExecutorThreadHandle {
  readonly id: number;
  readonly #worker: Worker;
  readonly #events: ExecutorEvents;
  readonly #control: Int32Array;
  readonly #slots = new Map<CallId, number>();
  readonly #ids: (CallId | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #withdrawnSlots: number[] = [];
  /** The programs that were announced to the executor, by their keys. */
  readonly #programs = new Map<string, Announced>();
  readonly #calls: CallRing;
  readonly #ends: CallRing;
  #lastProgram = 0;
  /** Programs that the executor may not have forgotten yet: no call may overtake the word of it. */
  #forgetting = 0;
  #waking = false;
  #isReady = false;
  #thread: number | undefined;
  #gone = false;
  #why: string | undefined;
  #exhausted: CallId | undefined;

  constructor(
    id: number,
    settings: Omit<ExecutorSettings, 'control' | 'calls' | 'ends'>,
    events: ExecutorEvents,
  ) {
    this.id = id;
    this.#events = events;
    const control = new SharedArrayBuffer(4 * (controlWords.claims + executorSlots));
    this.#control = new Int32Array(control);
    Atomics.store(this.#control, controlWords.current, -1);
    const calls = new SharedArrayBuffer(callRingBytes);
    const ends = new SharedArrayBuffer(callRingBytes);
    this.#calls = new CallRing(calls);
    this.#ends = new CallRing(ends);
    void followCallRing(this.#ends, this.#onPlainEnd, () => this.#gone);
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData: { ...settings, control, calls, ends } satisfies ExecutorSettings,
      transferList: [settings.files.port],
      name: settings.name,
      env: { NODE_COMPILE_CACHE: settings.codeFolder },
      execArgv: [],
      resourceLimits,
      stdin: false,
    });
    this.#worker.on('message', (message: FromExecutor) => this.#receive(message));
    this.#worker.on('error', (error) => {
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY')
        this.#exhausted = this.sample().current;
      this.#why ??= `its thread failed: ${FaasmError.from(error).message}`;
    });
    // What it had posted before is received before this.
    this.#worker.on('exit', () => this.#ended());
  }

  post(
    call: Pick<Call, 'id' | 'input' | 'depth' | 'given' | 'pointer' | 'request' | 'attempt'>,
    program: Program,
  ): void {
    const { number, added } = this.#programs.get(program.key) ?? this.#announce(program);
    const slot = this.#takeSlot(call.id);
    const { id, depth, input, given, pointer, request, attempt } = call;
    const begins = attempt === undefined ? undefined : { id, attempt };
    const isPlain =
      given === undefined && pointer === undefined && request === undefined && begins === undefined;
    const isOrdinary = added && isPlain && this.#forgetting === 0;
    if (!isOrdinary || !this.#calls.write(slot, number, depth, input)) {
      this.#send([slot, number, alone(input), depth, given, pointer, request, begins]);
    } else if (!this.#waking) {
      this.#waking = true;
      setImmediate(this.#wake);
    }
  }

  initialize(id: CallId, program: Program): void {
    this.#send({ type: 'initialize', slot: this.#takeSlot(id), program });
  }

  /** Tells a run of the call what has become of a call that it chained. */
  tell(id: CallId, message: Extract<ToExecutor, { type: 'settled' | 'refused' }>): void {
    if (this.#slots.has(id)) this.#send(message);
  }

  cancel(id: CallId): void {
    const slot = this.#slots.get(id);
    if (slot !== undefined) this.#send({ type: 'cancel', slot });
  }

  answer(message: Extract<ToExecutor, { type: 'answer' | 'failure' }>): void {
    this.#send(message);
  }

  /** Has it throw some idle Faaslets away. */
  evict(): void {
    this.#send({ type: 'evict' });
  }

  forget(program: string): void {
    const announced = this.#programs.get(program);
    if (announced === undefined) return;
    this.#programs.delete(program);
    this.#forgetting++;
    this.#send({ type: 'forget', number: announced.number });
  }

  /** Takes these calls back, as far as they have not begun; gives those it got. */
  withdraw(ids: readonly CallId[]): CallId[] {
    return ids.filter((id) => {
      const slot = this.#slots.get(id);
      if (slot === undefined || !this.#withdrawSlot(slot)) return false;
      this.#freeSlot(id, slot);
      return true;
    });
  }

  sample(): ExecutorSample {
    const current = Atomics.load(this.#control, controlWords.current);
    const turn = Atomics.load(this.#control, controlWords.turn);
    return { executor: this.id, turn, current: current === -1 ? undefined : this.#ids[current] };
  }

  /**
   * Ends the thread, whatever it is doing; while it starts, once it has started: it runs no guest before, and a native
   * addon that is stopped while it loads takes the process with it.
   */
  kill(why: string): void {
    this.#why ??= why;
    if (this.#isReady) void this.#worker.terminate();
  }

  /** Has less weight than the main thread and other executors when cores are short, or as much as they again. */
  demote(demoted: boolean): void {
    if (this.#thread === undefined || this.#gone) return;
    try {
      setPriority(this.#thread, Math.min(getPriority() + (demoted ? demotedNice : 0), niceMax));
    } catch {
      // Not everybody may raise a priority again.
    }
  }

  #ended(): void {
    this.#ends.drain(this.#onPlainEnd);
    this.#gone = true;
    this.#ends.wake();
    const notBegun = [...this.#slots].filter(([, slot]) => this.#withdrawSlot(slot)).map(([id]) => id);
    this.#events.gone(this.#why ?? 'its thread ended', notBegun, this.#exhausted);
  }

  #receive(message: FromExecutor): void {
    if (isPlainEnd(message)) {
      this.#onPlainEnd(message[0], message[2], 0, message[1]);
      return;
    }
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#thread = message.thread;
        if (this.#why === undefined) this.#events.ready(message.memory);
        else void this.#worker.terminate();
        return;
      case 'added':
        for (const announced of this.#programs.values()) {
          if (announced.number === message.number) announced.added = true;
        }
        return;
      case 'full': {
        const id = this.#ids[message.slot]!;
        this.#freeSlot(id, message.slot);
        this.#events.full(id, message.error);
        return;
      }
      case 'forgot':
        this.#forgetting--;
        return;
      case 'ended':
        this.#callEnded(message.slot, message.end);
        return;
      case 'initialized': {
        const id = this.#ids[message.slot]!;
        this.#freeSlot(id, message.slot);
        this.#events.initialized(id, message);
        return;
      }
      case 'chain':
      case 'chained': {
        const id = this.#ids[message.slot];
        if (id === undefined) return;
        if (message.type === 'chain') this.#events.chain(id, message);
        else this.#events.chained(id, message);
        return;
      }
      case 'crowded':
        this.#events.crowded();
        return;
      case 'ask':
        this.#events.ask(message);
        return;
    }
  }

  readonly #onPlainEnd: OnRecord = (slot, ranUs, _third, output) => {
    this.#callEnded(slot, fromPlain(output, ranUs));
  };

  readonly #wake = (): void => {
    this.#waking = false;
    this.#calls.wake();
    this.#ends.drain(this.#onPlainEnd);
  };

  #callEnded(slot: number, end: CallEnd): void {
    const id = this.#ids[slot]!;
    this.#freeSlot(id, slot);
    this.#events.ended(id, end);
  }

  #announce(program: Program): Announced {
    const announced = { number: ++this.#lastProgram, added: false };
    this.#programs.set(program.key, announced);
    this.#send({ type: 'program', number: announced.number, program });
    return announced;
  }

  #takeSlot(id: CallId): number {
    const slot = this.#freeSlots.pop() ?? this.#passedSlot() ?? this.#ids.length;
    this.#ids[slot] = id;
    this.#slots.set(id, slot);
    Atomics.store(this.#control, controlWords.claims + slot, claim.posted);
    return slot;
  }

  #freeSlot(id: CallId, slot: number): void {
    this.#slots.delete(id);
    this.#ids[slot] = undefined;
    if (Atomics.load(this.#control, controlWords.claims + slot) === claim.withdrawn) {
      this.#withdrawnSlots.push(slot);
      return;
    }
    Atomics.store(this.#control, controlWords.claims + slot, claim.free);
    this.#freeSlots.push(slot);
  }

  /** A withdrawn slot that the executor has passed over, so that no message with it is under way any more. */
  #passedSlot(): number | undefined {
    const at = this.#withdrawnSlots.findIndex(
      (slot) => Atomics.load(this.#control, controlWords.claims + slot) === claim.free,
    );
    return at === -1 ? undefined : this.#withdrawnSlots.splice(at, 1)[0];
  }

  #withdrawSlot(slot: number): boolean {
    const found = Atomics.compareExchange(
      this.#control,
      controlWords.claims + slot,
      claim.posted,
      claim.withdrawn,
    );
    return found === claim.posted;
  }

  #send(message: ToExecutor): void {
    if (!this.#gone) this.#worker.postMessage(message);
  }
}

function isPlainEnd(message: FromExecutor): message is PlainEnd {
  return Array.isArray(message);
}
