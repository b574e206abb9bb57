/** What the use cases of asynchronous calls are handed. */
import type { CallId, HostId, UserName } from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import type { Bus } from '../bus/port.ts';
import type { Log } from '../log.ts';
import type { Powers, Timer } from '../power/port.ts';
import type { BegunCalls } from './begun-marks.ts';
import type { CallsState } from './decide.ts';
import type { CallsConfig } from './queue-config.ts';
import type { CallQueue } from './queue-port.ts';

/** From outside the actor. */
export interface CallsPorts {
  readonly powers: Powers;
  readonly host: HostId;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  /** Closed by whoever opened it, after `stop`. */
  readonly queue: CallQueue;
  /** Which calls had begun on this host. */
  readonly begun: BegunCalls;
  readonly config: CallsConfig;
  readonly log: Log;
  newCallId(user: UserName): CallId;
}

export interface CallsContext extends CallsPorts {
  readonly state: CallsState;
  /** Attempts, and what is being stored of them. */
  readonly working: Set<Promise<void>>;
  /** When the next delayed call is due. */
  tick: Timer | undefined;
}

/** Unix milliseconds, whole ones as the queue keeps them. */
export const nowMs = ({ powers }: CallsPorts): number => Math.floor(powers.clock.steadyMs());
