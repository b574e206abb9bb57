/** What a bus could not deliver: counted by what it was about and by why, so that nothing is lost in silence. */
import type { ErrorCode } from '../../proto/errors.ts';

export interface Drop {
  /** The token after the prefix, as in `event`, `host`, `cancel`; `answer` for what goes to a reply subject. */
  readonly kind: string;
  readonly code: ErrorCode;
  readonly count: number;
}

/** Subjects come from outside too: those that come after so many kinds are counted together. */
const kindsMax = 64;
const others = '(others)';

export class Drops {
  readonly #counts = new Map<string, { readonly kind: string; readonly code: ErrorCode; count: number }>();

  add(subject: string, code: ErrorCode): void {
    const kind = this.#counts.size < kindsMax ? kindOf(subject) : others;
    const key = `${kind} ${code}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { kind, code, count: 1 });
    else known.count++;
  }

  list(): readonly Drop[] {
    return [...this.#counts.values()];
  }
}

function kindOf(subject: string): string {
  if (subject.startsWith('_INBOX.')) return 'answer';
  const [, kind = 'answer'] = subject.split('.', 2);
  return kind;
}
