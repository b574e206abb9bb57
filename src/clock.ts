/**
 * Time as deadlines and durations count it: Unix milliseconds when the process started, and from there by the
 * monotonic clock, so that nothing waits longer or ends early because somebody set the wall clock.
 * The same in all threads. What is told to people as a date is the wall clock's.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** Unix milliseconds that only go forward; with fractions. */
export function steadyMs(): number {
  return originMs + performance.now();
}

const environmentKey = 'faasm.clock';

/** When this thread's `performance.now()` was 0. */
const originMs = bootedMs() + kernelMs() - performance.now();

/** When the kernel's monotonic clock was 0, as the first thread saw it. */
function bootedMs(): number {
  const known: unknown = getEnvironmentData(environmentKey);
  if (typeof known === 'number') return known;
  const seen = Date.now() - kernelMs();
  setEnvironmentData(environmentKey, seen);
  return seen;
}

function kernelMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
