/**
 * What the actors of one process say to each other, on a bus that has no listener and no network: nobody else speaks
 * or hears here. Values go as they are, and are believed.
 */
import type { UserName } from './names.ts';

export type ConsoleKind = 'page' | 'data' | 'metrics';

export const privateSubjects = {
  /** work, of the scheduler. A call that a call here chained, or an attempt at an asynchronous one. */
  admit: () => 'private.admit',
  /** work, of the worker pool. A call that is placed here. */
  run: () => 'private.run',
  /** work, of the worker pool. A program to initialise, answered with what its initialisation left. */
  initialize: () => 'private.initialize',
  /** work, of the functions actor. A program ready to run. */
  program: () => 'private.program',
  /** broadcast. A version is live in the cluster, or gone. */
  functionChanged: () => 'private.function.changed',
  /** broadcast. Functions here see other files of a user. */
  fileChanged: () => 'private.file.changed',
  /** work, of the actor that has the service. What a guest asks of its host, for the user of its call. */
  ask: (service: string, op: string, user: UserName | '*') => `private.ask.${service}.${op}.${user}`,
  /** broadcast. What is not saved yet. */
  stateStatus: () => 'private.state.status',
  /** broadcast. An executor has ended, and what it held is free. */
  executorGone: () => 'private.executor.gone',
  /** work, of the console. Its page, the data behind it, the metrics; the media type is in the answer's headers. */
  console: (kind: ConsoleKind) => `private.console.${kind}`,
};
