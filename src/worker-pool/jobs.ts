/** The calls of this host that have not been answered, and who wants to hear of their ends. */
import { type Call, type CallEnd, type CallResult, failedEnd, fromCallError } from '../../proto/call.ts';
import type { CallEvent } from '../../proto/messages.ts';
import type { CallId, HostId } from '../../proto/names.ts';
import { respondError } from '../bus/error-headers.ts';
import { type Bus, type BusMessage, Encodable, respond } from '../bus/port.ts';
import { callResultCodec } from '../calls/codec.ts';
import type { Initialized, RanBeside } from '../executor/port.ts';
import type { Program } from '../faaslet/program.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../power/port.ts';
import type { CallEvents } from './call-events.ts';
import type { Chaining } from './chained-calls.ts';
import { neverBegun } from './endings.ts';
import type { Executors } from './executors.ts';
import { initializeTopic } from './messages.ts';
import type { Programs } from './programs.ts';
import { toCallEvent, toChainedEvent } from './reports.ts';

/** A call, or an initialisation. */
export interface Job extends Chaining {
  readonly call: Call;
  readonly program: Program;
  readonly message: BusMessage;
  /** On the clock that never goes back. */
  readonly arrivedMs: number;
  readonly initializes: boolean;
  executor: number | undefined;
}

export interface JobsOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly host: HostId;
  readonly programs: Programs;
  readonly events: CallEvents;
  readonly log: Log;
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #all = new Map<CallId, Job>();

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  get(id: CallId): Job | undefined {
    return this.#all.get(id);
  }

  add(job: Job): void {
    this.#all.set(job.call.id, job);
  }

  /** Answers the call, unless that was done, and tells everybody. */
  finish(id: CallId, end: CallEnd): void {
    const { bus, clock, host, programs } = this.#options;
    const job = this.#all.get(id);
    if (job === undefined) return;
    this.#all.delete(id);
    if (job.initializes) {
      if (end.error !== undefined) respondError(bus, job.message, fromCallError(end.error));
      return;
    }
    programs.ended(job.program);
    const { output, returnValue, error, response, ranUs } = end;
    // Field by field: a spread takes ninety nanoseconds.
    const result: CallResult = { id, output, returnValue, error, response, ranUs };
    respond(bus, job.message, new Encodable(result, callResultCodec));
    const durationMs = clock.monotonicMs() - job.arrivedMs;
    this.#tell(toCallEvent(host, { call: job.call, durationMs }, end, clock.wallMs()));
  }

  /** The same for an initialisation that came to its end. */
  finishInitialization(id: CallId, { state, error }: Initialized): void {
    const job = this.#all.get(id);
    if (job === undefined) return;
    this.#all.delete(id);
    const { bus } = this.#options;
    if (error === undefined) respond(bus, job.message, new Encodable(state, initializeTopic.answer));
    else respondError(bus, job.message, fromCallError(error));
  }

  /** The host stops: those that are on none of these executors never begin. */
  refuseWaiting(executors: Executors): void {
    for (const { call, executor } of this.#all.values()) {
      const name = `${call.user}/${call.function}`;
      const isOnOne = executor !== undefined && executors.get(executor) !== undefined;
      if (!isOnOne) this.finish(call.id, failedEnd(neverBegun({ name })));
    }
  }

  /** Tells everybody of a call that ran beside its caller. @param id of it */
  tellOfChained({ call }: Job, id: CallId, ran: RanBeside): void {
    this.#tell(toChainedEvent(this.#options.host, call, id, ran, this.#options.clock.wallMs()));
  }

  #tell(event: CallEvent): void {
    const { events, log } = this.#options;
    const { id, user, function: name, stderr, traceparent } = event;
    if (stderr !== null) {
      const about = { call: id, function: `${user}/${name}`, ...(traceparent !== null && { traceparent }) };
      log.info({ ...about, stderr }, 'standard error of a call');
    }
    events.add(event);
  }
}
