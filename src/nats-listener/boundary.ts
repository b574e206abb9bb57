/** What of the system is a client's business. */
import { mayHearSystem, zoneOf } from '../../proto/subjects.ts';

export interface Boundary {
  /** Whether a client may say it: what is said between hosts, or inside one, it may not. */
  mayPublish(subject: string): boolean;
  /** Whether answers to a client may go there: not where they would be taken for something else. */
  mayReplyTo(subject: string): boolean;
  /** Whether a client may share the work of it: what is the system's work it may not. */
  mayJoin(pattern: string): boolean;
  /** Whether it hears what the system says, of which there is much. */
  listensIn(pattern: string): boolean;
  /** Whether what is asked there is the system's to answer, and nobody's who listens in. */
  isSystem(subject: string): boolean;
}

export function createBoundary(prefix: string): Boundary {
  const start = `${prefix}.`;
  const zone = (subject: string) => (subject.startsWith(start) ? zoneOf(prefix, subject) : undefined);
  return {
    mayPublish: (subject) => (zone(subject) ?? 'public') === 'public',
    mayReplyTo: (subject) => zone(subject) === undefined,
    mayJoin: (pattern) => !mayHearSystem(prefix, pattern),
    listensIn: (pattern) => mayHearSystem(prefix, pattern),
    isSystem: (subject) => zone(subject) !== undefined,
  };
}
