/**
 * What the actors of one process say to each other, on a bus that has no listener and no network: nobody else speaks
 * or hears here. Values go as they are, and are believed.
 */
import type { StateKey, UserName } from './names.ts';

/** What the local tiers of executors ask of the state actor. */
export const tierOps = ['open', 'resize', 'read', 'write', 'push', 'lock', 'unlock'] as const;
export type TierOp = (typeof tierOps)[number];

export type ObjectOp = 'list' | 'get' | 'put';

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
  /** work, of the files actor. All shared files of a user, as executors get them. */
  fileIndex: () => 'private.file.index',
  /** broadcast. Functions here see other files of a user. */
  fileChanged: () => 'private.file.changed',
  /** work, of the state actor. */
  tier: (op: TierOp, user: UserName | '*', key: StateKey | '*') => `private.state.${op}.${user}.${key}`,
  /** broadcast. What is not saved yet. */
  stateStatus: () => 'private.state.status',
  /** work, of the objects actor. */
  objects: (op: ObjectOp | '*', user: UserName | '*') => `private.objects.${op}.${user}`,
  /** broadcast. An executor has ended, and what it held is free. */
  executorGone: () => 'private.executor.gone',
  /** work, of the console. Its page, the data behind it, the metrics; the media type is in the answer's headers. */
  console: (kind: ConsoleKind) => `private.console.${kind}`,
};
