/** Tells a host that a store of its own is away: until it was read once, the host does not know what it has. */
import type { Log } from '../log.ts';
import type { Readiness } from '../readiness.ts';

/** @returns what is told why the store cannot be read, and nothing when it can */
export function tellOfStore(
  component: string,
  readiness: Pick<Readiness, 'set' | 'degrade'>,
  log: Log,
): (why: string | undefined) => void {
  let wasRead = false;
  return (why) => {
    if (why !== undefined) log.warn({ why }, 'storage is away; trying again');
    if (why === undefined) wasRead = true;
    // What was read once goes on running.
    if (wasRead) readiness.degrade(component, why);
    else readiness.set(component, why);
  };
}
