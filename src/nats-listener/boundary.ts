/** What of the system is a client's business. All that begins with its prefix is the system's. */
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';

export interface Boundary {
  /** Whether a client may say it: what hosts say, to each other or to everybody, it may not. */
  mayPublish(subject: string): boolean;
  /** Whether answers to a client may go there: not where they would be taken for something else. */
  mayReplyTo(subject: string): boolean;
  /** Whether a client may hear it, by whatever pattern: what hosts say to each other it may not. */
  mayHear(subject: string): boolean;
  /** Whether a client may share the work of it: what is the system's work it may not. */
  mayJoin(pattern: string): boolean;
  /** Whether it hears what the system says, of which there is much. */
  listensIn(pattern: string): boolean;
  /** Whether what is asked there is the system's to answer, and nobody's who listens in. */
  isSystem(subject: string): boolean;
}

export function createBoundary(prefix: string): Boundary {
  const start = `${prefix}.`;
  const control = createControlSubjects(prefix);
  const { isEvent } = createPublicSubjects(prefix);
  const isSystem = (subject: string): boolean => subject.startsWith(start);
  const listensIn = (pattern: string): boolean => /^(?:>|\*\.)/.test(pattern) || isSystem(pattern);
  return {
    mayPublish: (subject) => !control.includes(subject) && !isEvent(subject),
    mayReplyTo: (subject) => !isSystem(subject),
    mayHear: (subject) => !control.includes(subject),
    mayJoin: (pattern) => !listensIn(pattern),
    listensIn,
    isSystem,
  };
}
