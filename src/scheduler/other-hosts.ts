/**
 * Calls on other hosts: asked for, and given up when their time is over or their host is lost. A call that is given up
 * is cancelled where it may still run.
 */
import type { Call } from '../../proto/call.ts';
import type { ControlSubjects } from '../../proto/control-subjects.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId, HostId } from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { type Bus, type BusMessage, Encodable, emptyBody } from '../bus/port.ts';
import { callCodec } from '../calls/codec.ts';
import { toPlaced } from '../calls/placed-call.ts';
import type { Clock } from '../power/port.ts';

export interface OtherHostsOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: PublicSubjects;
  readonly control: ControlSubjects;
}

/** Another host answers a late call itself; when it has not by so much later, the call is given up. */
const graceMs = 100;

export class OtherHosts {
  readonly #options: OtherHostsOptions;
  readonly #giveUp = new Map<CallId, (error: FaasmError) => void>();

  constructor(options: OtherHostsOptions) {
    this.#options = options;
  }

  /** @throws FaasmError `no_responders` where nobody took it; `deadline_exceeded`, `executor_lost` */
  async run(call: Call, host: HostId): Promise<BusMessage> {
    const { clock, bus, subjects, control } = this.#options;
    const given = Promise.withResolvers<never>();
    this.#giveUp.set(call.id, given.reject);
    try {
      const placed = toPlaced(call, clock.steadyMs());
      const timeoutMs = placed.deadlineMs + graceMs;
      const asked = bus.request(control.call(host), new Encodable(placed, callCodec), { timeoutMs });
      return await Promise.race([asked, given.promise]);
    } catch (thrown) {
      const error = FaasmError.from(thrown);
      const isGivenUp = error.code === 'deadline_exceeded' || error.code === 'executor_lost';
      if (isGivenUp) bus.tell(subjects.cancel(call.user, call.id), emptyBody);
      throw error.code === 'deadline_exceeded' ? unanswered(call, host) : error;
    } finally {
      this.#giveUp.delete(call.id);
    }
  }

  /** The hosts of these are gone. */
  lost(calls: readonly CallId[]): void {
    for (const id of calls) this.#giveUp.get(id)?.(lostHost());
  }
}

function lostHost(): FaasmError {
  return new FaasmError(
    'executor_lost',
    'The host that ran it is gone; it may have run, or not: call it again if it may run twice',
    { details: { component: 'scheduler' } },
  );
}

function unanswered({ user, function: name }: Call, host: HostId): FaasmError {
  return new FaasmError(
    'deadline_exceeded',
    `${user}/${name} did not end within its time limit, and host ${host} where it ran did not answer`,
    { details: { component: 'scheduler' } },
  );
}
