/** Time and chance as Node has them. */
import { randomBytes, randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { steadyMs } from '../clock.ts';
import type { Powers } from './port.ts';

export const nodePowers: Powers = {
  clock: { wallMs: Date.now, steadyMs, monotonicMs: () => performance.now() },
  timers: {
    after: (delayMs, work) => setTimeout(work, delayMs),
    every: (periodMs, work) => setInterval(work, periodMs),
    soon: (work) => void setImmediate(work),
    cancel: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
    sleep: (delayMs, options) => sleep(delayMs, undefined, options),
  },
  random: { unit: Math.random, bytes: randomBytes, fill: randomFillSync },
};
