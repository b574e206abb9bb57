/** Tells the other hosts how this one is, every second and when it leaves. */
import type { ControlSubjects } from '../../proto/control-subjects.ts';
import type { HostStatus } from '../../proto/messages.ts';
import { type Bus, Encodable } from '../bus/port.ts';
import type { FaasletTable } from '../faaslet/faaslet-budget.ts';
import { WarmReport } from '../hosts/warm.ts';
import type { Powers, Timer } from '../power/port.ts';
import { hostStatusCodec } from '../scheduler/messages.ts';
import { type HostIdentity, toHostStatus } from './reports.ts';
import type { PoolState } from './state.ts';

export interface StatusReportOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly bus: Bus;
  readonly control: ControlSubjects;
  readonly identity: HostIdentity;
  readonly state: PoolState;
  readonly memory: Pick<FaasletTable, 'use'>;
  /** Looks at executors, which nobody does while there are no calls. */
  look(): void;
}

const periodMs = 1000;

export class StatusReport {
  readonly #options: StatusReportOptions;
  readonly #warm = new WarmReport();
  readonly #timer: Timer;
  #phase: HostStatus['phase'] = 'serving';

  constructor(options: StatusReportOptions) {
    this.#options = options;
    this.#timer = options.powers.timers.every(periodMs, () => this.tell());
  }

  tell(phase = this.#phase): void {
    const { powers, bus, control, identity, state, memory, look } = this.#options;
    this.#phase = phase;
    if (state.calls.size === 0 && phase !== 'gone') look();
    const nowMs = powers.clock.steadyMs();
    const status = toHostStatus(identity, phase, state, memory.use(), this.#warm, nowMs);
    bus.tell(control.status(identity.host), new Encodable(status, hostStatusCodec), { fleeting: true });
  }

  stop(): void {
    this.#options.powers.timers.cancel(this.#timer);
  }
}
