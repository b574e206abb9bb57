/** What can be set for asynchronous calls. */
import type { CallLimits } from './decide.ts';

export interface CallsConfig extends CallLimits {
  /** How long an attempt may take where the call does not say, and at most. */
  readonly callTimeoutMs: number;
  readonly inputMaxBytes: number;
  /** How long the result of a call can be asked for after its end. */
  readonly resultKeptMs: number;
}
