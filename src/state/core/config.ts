/** What can be set for the state actor. */
import type { StateLimits } from './decide.ts';

export interface StateConfig extends StateLimits {
  /** Shared memory for values, in bytes; the least used are dropped to the global tier beyond it. */
  readonly residentMaxBytes: number;
  /** Of a function's lock in a shared store. Its host renews it in time; of a host that stands still, it is free so long after. */
  readonly lockLeaseMs: number;
  readonly lockWaitMaxMs: number;
  /** How long a stopping host tries to save what is not saved. */
  readonly drainTimeoutMs: number;
}

const mebibyte = 1024 * 1024;

export const defaultStateConfig: StateConfig = {
  valueMaxBytes: 1024 * mebibyte,
  userMaxBytes: 4096 * mebibyte,
  residentMaxBytes: 1024 * mebibyte,
  pushDelayMs: 100,
  pushRetryMs: 500,
  pushRetryMaxMs: 2000,
  uploadsPerUserMax: 100,
  uploadIdleMs: 600_000,
  locksMax: 100_000,
  lockWaitersMax: 10_000,
  lockLeaseMs: 15_000,
  lockWaitMaxMs: 600_000,
  drainTimeoutMs: 30_000,
};
