/** Chance, repeated by its seed. */
import { createRandom } from '../random.ts';

export interface SimRandom {
  /** At least 0, less than 1. */
  unit(): number;
  below(limit: number): number;
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  bytes(count: number): Buffer;
  /** Another source, which takes nothing from this one from then on. */
  fork(): SimRandom;
}

export function createSimRandom(seed: number): SimRandom {
  const { below, bytes } = createRandom(seed);
  const unit = (): number => below(2 ** 32) / 2 ** 32;
  return {
    unit,
    below,
    between: (least, most) => least + unit() * (most - least),
    chance: (probability) => unit() < probability,
    pick: (items) => items[below(items.length)]!,
    bytes: (count) => Buffer.from(bytes(count)),
    fork: () => createSimRandom(below(2 ** 32)),
  };
}
