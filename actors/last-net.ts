/**
 * The last net under the process of a host.
 *
 * In:   errors that nobody caught
 * Out:  a line of the log for each of the first, with the component that it came out of
 * Owns: the end of the process
 * Never: lets a host go on that may not be whole, or live on that was told to end
 */
import { failedComponent } from '../src/failed-component.ts';
import { createAlarm } from '../src/kernel-alarm.ts';
import type { Log } from '../src/log.ts';

export interface LastNet {
  /** Resolves when an error was caught by nobody else. */
  readonly caught: Promise<{ readonly uncaught: string }>;
  /** Whatever happens, the process has ended by then. */
  endWithin(ms: number): void;
  /** Now, also where a thread cannot be stopped. */
  exit(status: number): never;
}

/** One that comes again and again, as from a timer, is not told for ever. */
const toldMax = 10;
/** What threads may take to end: on a machine with many times more work than cores, seconds. */
const exitMs = 5000;

export function spreadLastNet(log: (component: string) => Log): LastNet {
  const setAlarm = createAlarm(() => process.kill(process.pid, 'SIGKILL'));
  const first = Promise.withResolvers<{ readonly uncaught: string }>();
  let errors = 0;
  process.on('uncaughtException', (err) => {
    const component = failedComponent(err);
    if (++errors === 1) {
      log(component).error(
        { err },
        'nobody caught this error, which is a bug: the host finishes its calls and ends',
      );
    } else if (errors <= toldMax) log(component).error({ err }, 'nobody caught this error either');
    first.resolve({ uncaught: component });
  });
  return {
    caught: first.promise,
    endWithin: setAlarm,
    exit(status) {
      setAlarm(exitMs);
      process.exit(status);
    },
  };
}
