/**
 * An executor that is a thread: the main thread's end of it, which gives calls to it, takes back those it has not begun, reads its control
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
import type { CallId, UserName } from '../../proto/names.ts';
import type { FaasletTable } from '../faaslet/faaslet-budget.ts';
import type { Program } from '../faaslet/program.ts';
import type { AskHost } from '../guest/port.ts';
import { AnsweredAsks } from './asks.ts';
import { CallRing, callRingBytes, followCallRing, type OnRecord } from './call-ring.ts';
import { CallSlots } from './call-slots.ts';
import type { FromExecutor, ThreadData, ToExecutor } from './messages.ts';
import { fromPlain, type PlainEnd } from './plain-end.ts';
import type { CallToRun, Executor, ExecutorEvents, ExecutorSample, ExecutorSettings } from './port.ts';

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

/** Where what a thread shares with others comes from. */
export interface ThreadParts {
  readonly settings: ExecutorSettings;
  readonly faaslets: FaasletTable;
  readonly fileRevisions: SharedArrayBuffer;
  readonly ask: AskHost;
}

export class ThreadExecutor implements Executor {
  readonly id: number;
  readonly #worker: Worker;
  readonly #events: ExecutorEvents;
  readonly #slots = new CallSlots();
  readonly #asks: AnsweredAsks;
  readonly #faaslets: FaasletTable;
  readonly #row: number;
  /** Whose memory its row is counted for. */
  #user: UserName | undefined;
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
    owner: string,
    { settings, faaslets, fileRevisions, ask }: ThreadParts,
    events: ExecutorEvents,
  ) {
    this.id = id;
    this.#events = events;
    this.#faaslets = faaslets;
    this.#row = faaslets.takeRow();
    this.#asks = new AnsweredAsks(ask);
    const calls = new SharedArrayBuffer(callRingBytes);
    const ends = new SharedArrayBuffer(callRingBytes);
    this.#calls = new CallRing(calls);
    this.#ends = new CallRing(ends);
    void followCallRing(this.#ends, this.#onPlainEnd, () => this.#gone);
    const data: ThreadData = {
      ...settings,
      owner,
      control: this.#slots.control,
      calls,
      ends,
      faaslets: faaslets.buffer,
      row: this.#row,
      asks: this.#asks.end,
      fileRevisions,
    };
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData: data,
      transferList: [data.asks.port],
      name: owner,
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

  run(call: CallToRun, program: Program): void {
    const { id, user, depth, input, given, pointer, request, attempt } = call;
    this.#countFor(user);
    const { number, added } = this.#programs.get(program.key) ?? this.#announce(program);
    const slot = this.#slots.take(id);
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

  initialize({ id, user }: Pick<Call, 'id' | 'user'>, program: Program): void {
    this.#countFor(user);
    this.#send({ type: 'initialize', slot: this.#slots.take(id), program });
  }

  settle(id: CallId, run: number, handle: number, end: CallEnd): void {
    if (this.#slots.slotOf(id) !== undefined) this.#send({ type: 'settled', run, handle, end });
  }

  refuse(id: CallId, run: number, error: CallError): void {
    if (this.#slots.slotOf(id) !== undefined) this.#send({ type: 'refused', run, error });
  }

  cancel(id: CallId): void {
    const slot = this.#slots.slotOf(id);
    if (slot !== undefined) this.#send({ type: 'cancel', slot });
  }

  evict(): void {
    this.#send({ type: 'evict' });
  }

  forget(key: string): void {
    const announced = this.#programs.get(key);
    if (announced === undefined) return;
    this.#programs.delete(key);
    this.#forgetting++;
    this.#send({ type: 'forget', number: announced.number });
  }

  withdraw(ids: readonly CallId[]): CallId[] {
    return ids.filter((id) => this.#slots.withdraw(id));
  }

  sample(): ExecutorSample {
    return { executor: this.id, ...this.#slots.sample() };
  }

  /**
   * While it starts, once it has started: it runs no guest before, and a native addon that is stopped while it loads
   * takes the process with it.
   */
  kill(why: string): void {
    this.#why ??= why;
    if (this.#isReady) void this.#worker.terminate();
  }

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
    // What it asked is asked before all that it has is free.
    this.#asks.close();
    this.#gone = true;
    this.#ends.wake();
    this.#faaslets.freeRow(this.#row);
    this.#events.gone(this.#why ?? 'its thread ended', this.#slots.withdrawAll(), this.#exhausted);
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
      case 'forgot':
        this.#forgetting--;
        return;
      case 'full':
        this.#events.full(this.#slots.free(message.slot), message.error);
        return;
      case 'ended':
        this.#events.ended(this.#slots.free(message.slot), message.end);
        return;
      case 'initialized':
        this.#events.initialized(this.#slots.free(message.slot), message);
        return;
      case 'chain':
      case 'chained': {
        const id = this.#slots.idOf(message.slot);
        if (id === undefined) return;
        if (message.type === 'chain') this.#events.chain(id, message);
        else this.#events.chained(id, message);
        return;
      }
      case 'crowded':
        this.#events.crowded();
        return;
    }
  }

  readonly #onPlainEnd: OnRecord = (slot, ranUs, _third, output) => {
    this.#events.ended(this.#slots.free(slot), fromPlain(output, ranUs));
  };

  readonly #wake = (): void => {
    this.#waking = false;
    this.#calls.wake();
    this.#ends.drain(this.#onPlainEnd);
  };

  #countFor(user: UserName): void {
    if (this.#user === user) return;
    this.#user = user;
    this.#faaslets.assign(this.#row, user);
  }

  #announce(program: Program): Announced {
    const announced = { number: ++this.#lastProgram, added: false };
    this.#programs.set(program.key, announced);
    this.#send({ type: 'program', number: announced.number, program });
    return announced;
  }

  #send(message: ToExecutor): void {
    if (!this.#gone) this.#worker.postMessage(message);
  }
}

/** Bytes with a buffer of their own: posting a view posts all of the buffer under it. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

function isPlainEnd(message: FromExecutor): message is PlainEnd {
  return Array.isArray(message);
}
