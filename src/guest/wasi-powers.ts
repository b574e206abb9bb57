/** The real clocks, randomness and sleep behind WASI. */
import { getRandomValues } from 'node:crypto';
import type { WasiPowers } from './wasi/wasi.ts';

/** Of `getRandomValues`. */
const randomMaxBytes = 65_536;
/** Of `setTimeout`; a longer sleep sleeps again. */
const timerMaxMs = 2 ** 31 - 1;

export const wasiPowers: WasiPowers = {
  realtimeNs: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n,
  monotonicNs: () => process.hrtime.bigint(),

  randomFill(bytes) {
    // A guest's memory may be shared, which randomness cannot be written to directly.
    for (let at = 0; at < bytes.length; at += randomMaxBytes) {
      const piece = new Uint8Array(Math.min(randomMaxBytes, bytes.length - at));
      bytes.set(getRandomValues(piece), at);
    }
  },

  async sleep(ms) {
    for (let left = ms; left > 0; left -= timerMaxMs) {
      await new Promise<void>((resolve) => setTimeout(resolve, Math.min(left, timerMaxMs)));
    }
  },
};
