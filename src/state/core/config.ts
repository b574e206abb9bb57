/** What can be set for the state actor. */
import type { StateLimits } from './decide.ts';

export interface StateConfig extends StateLimits {
  /** Shared memory for values, in bytes; the least used are dropped to the global tier beyond it. */
  readonly residentMaxBytes: number;
  /** Of a function's lock in a shared store. Its host renews it in time; of a host that stands still, it is free so long after. */
  readonly lockLeaseMs: number;
  readonly lockWaitMaxMs: number;
}
