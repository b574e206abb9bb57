/**
 * Runs a call where the core says: here, or on other hosts until one of them takes it. A function that is not known
 * here is looked for first.
 */
import { type Call, type CallError, type CallResult, fromCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { HostId } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer, fromErrorHeaders } from '../bus/error-headers.ts';
import { type Bus, type BusMessage, Encodable, emptyBody, readBody } from '../bus/port.ts';
import { callCodec, callResultCodec } from '../calls/codec.ts';
import { functionDescriptionCodec } from '../functions/messages.ts';
import type { Clock } from '../power/port.ts';
import { decide, type SchedulerState } from './decide.ts';
import type { OtherHosts } from './other-hosts.ts';

export interface CallRunnerOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly state: SchedulerState;
  readonly others: OtherHosts;
}

export class CallRunner {
  readonly #options: CallRunnerOptions;

  constructor(options: CallRunnerOptions) {
    this.#options = options;
  }

  /** @throws what it fails with, with what it had put out */
  run(call: Call): Promise<CallResult> {
    const { clock, state } = this.#options;
    const effect = decide(state, { type: 'invoke', call, nowMs: clock.monotonicMs() });
    if (effect.type === 'place') return this.#place(effect.call, effect.host);
    if (effect.error.code === 'not_found') return this.#lookFirst(call, effect.error);
    throw fromCallError(effect.error);
  }

  /** Another host may have put the function where all hosts have theirs: it is known here once it was found. */
  async #lookFirst(call: Call, error: CallError): Promise<CallResult> {
    const { clock, bus, subjects, state } = this.#options;
    const { user, function: name } = call;
    const answer = await bus.request(subjects.functions('describe', user, name), emptyBody);
    const failure = fromErrorHeaders(answer);
    if (failure === undefined) {
      const { live: version, revision } = readBody(answer, functionDescriptionCodec);
      const { store } = state.self;
      decide(state, { type: 'changed', change: { user, name, version, revision, store } });
    } else if (failure.code !== 'not_found') throw failure;
    // It may have been heard of meanwhile.
    const effect = decide(state, { type: 'invoke', call, nowMs: clock.monotonicMs() });
    if (effect.type === 'place') return await this.#place(effect.call, effect.host);
    throw fromCallError(effect.error.code === 'not_found' ? error : effect.error);
  }

  async #place(call: Call, host: HostId): Promise<CallResult> {
    const { state } = this.#options;
    let ranUs: number | undefined;
    try {
      const answer = await (host === state.self.host ? this.#runHere(call) : this.#runElsewhere(call, host));
      const result = readBody(expectAnswer(answer), callResultCodec);
      ranUs = result.ranUs;
      if (result.error !== undefined) throw fromCallError(result.error, result.output);
      return result;
    } finally {
      decide(state, { type: 'ended', id: call.id, ranUs });
    }
  }

  #runHere(call: Call): Promise<BusMessage> {
    const { privateBus } = this.#options;
    return privateBus.request(privateSubjects.run(), new Encodable(call, callCodec), { timeoutMs: 0 });
  }

  /** On other hosts, one after the other, until one of them takes it; else here. */
  async #runElsewhere(call: Call, first: HostId): Promise<BusMessage> {
    const { clock, state, others } = this.#options;
    for (let host = first; host !== state.self.host; ) {
      try {
        return await others.run(call, host);
      } catch (thrown) {
        const error = FaasmError.from(thrown);
        if (error.code !== 'no_responders') throw error;
      }
      const next = decide(state, { type: 'unreachable', call, host, nowMs: clock.monotonicMs() });
      if (next.type === 'refuse') throw fromCallError(next.error);
      host = next.host;
    }
    return await this.#runHere(call);
  }
}
