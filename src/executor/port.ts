/** What an executor tells of what it does. */
import type { CallId } from '../../proto/names.ts';

/** A look at it from outside, which it need not notice. */
export interface ExecutorSample {
  readonly executor: number;
  /** Counts how often a guest was entered. */
  readonly turn: number;
  /** The call inside its guest. */
  readonly current: CallId | undefined;
}
