/** A message that its handler failed at. What came in a wrong shape is its sender's fault, and a line; the rest is ours. */
import { FaasmError } from '../../proto/errors.ts';
import type { Log } from '../log.ts';
import type { Drops } from './drops.ts';

export function reportUnhandled(log: Log, drops: Drops, thrown: unknown, subject: string): void {
  const error = FaasmError.from(thrown);
  drops.add(subject, error.code);
  const isTheirs = error.http < 500;
  if (isTheirs) log.warn({ subject, code: error.code, why: error.message }, 'a message was not understood');
  else log.error({ subject, err: error }, 'a message could not be handled');
}
