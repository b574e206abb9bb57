/**
 * A deadline for this process that the kernel keeps: SIGALRM, which Node leaves at its default, ends a process whatever
 * its threads do, also while the main thread waits for one that cannot be stopped.
 */
import { loadKoffi } from './koffi.ts';

/** Ends this process in so long, rounded up to whole seconds; the last that was set counts, and 0 takes it back. */
export type SetAlarm = (afterMs: number) => void;

/** @param kill ends this process at once; used by a timer where the kernel cannot be asked */
export function createAlarm(kill: () => void): SetAlarm {
  const alarm = bindAlarm();
  let timer: NodeJS.Timeout | undefined;
  return (afterMs) => {
    if (alarm !== undefined) {
      alarm(Math.ceil(afterMs / 1000));
      return;
    }
    clearTimeout(timer);
    if (afterMs > 0) timer = setTimeout(kill, afterMs).unref();
  };
}

function bindAlarm(): ((seconds: number) => number) | undefined {
  try {
    return loadKoffi().load(null).func('unsigned int alarm(unsigned int seconds)');
  } catch {
    return undefined;
  }
}
