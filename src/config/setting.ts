/** What is said of a setting, once. */
import type { Kind } from './kinds.ts';

export interface Setting {
  readonly kind: Kind<unknown>;
  /** As it would be given. */
  readonly default: string;
  /** Why it is that, where it is anything. */
  readonly reason?: string;
  /** One sentence, or a part of one. */
  readonly about: string;
  /** It is never shown, and may also be given as the path of a file that holds it, under the name with `_FILE` after it. */
  readonly secret?: true;
}

/** By the names in the environment. */
export function defineSettings<const Taken extends Record<string, Setting>>(settings: Taken): Taken {
  return settings;
}
