/** Random numbers that a seed repeats: a failing test prints its seed. */
export interface Random {
  /** An integer from 0, less than `limit`. */
  below(limit: number): number;
  bytes(byteLength: number): Uint8Array<ArrayBuffer>;
  pick<T>(items: readonly T[]): T;
}

/** mulberry32: a 32-bit state and three multiplications. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    below: (limit) => (limit <= 0 ? 0 : next() % limit),
    bytes: (byteLength) => Uint8Array.from({ length: byteLength }, () => next() & 0xff),
    pick: (items) => items[next() % items.length]!,
  };
}
