import type { Timers } from './port.ts';

/** Waits until the work is done, and no longer than so long. The process is not kept alive for it. */
export async function within(timers: Timers, timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = timers.after(timeoutMs, late.resolve).unref();
  try {
    await Promise.race([work, late.promise]);
  } finally {
    timers.cancel(timer);
  }
}
