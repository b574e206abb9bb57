/** What can be set for asynchronous calls. */
import type { CallLimits } from './decide.ts';

export interface CallsConfig extends CallLimits {
  /** How long an attempt may take where the call does not say, and at most. */
  readonly callTimeoutMs: number;
  readonly inputMaxBytes: number;
  /** How long the result of a call can be asked for after its end. */
  readonly resultKeptMs: number;
  /** How long a stopping host waits for its running calls; those that are left run again after a restart. */
  readonly drainTimeoutMs: number;
}

export const defaultCallsConfig: CallsConfig = {
  runningMax: 64,
  queuedPerUserMax: 10_000,
  queuedMax: 1_000_000,
  attemptsMax: 5,
  retryMs: 500,
  retryMaxMs: 60_000,
  callTimeoutMs: 60_000,
  inputMaxBytes: 64 * 1024 * 1024,
  resultKeptMs: 3_600_000,
  drainTimeoutMs: 30_000,
};
