/**
 * How many mappings this process may still make. The kernel allows `vm.max_map_count` of them, and V8 aborts the whole
 * process when its own garbage collection gets none: so Faaslets and segments stop well before.
 *
 * One counter, shared by all threads, is an estimate from above: it is added to when something is mapped, and put right
 * by counting in `/proc/self/maps` when it reaches the limit. Nothing is subtracted when V8 unmaps a memory, or when a
 * thread is stopped: the next count finds out. A call that can be suspended has a stack of its own, which is mapped too.
 */
import { readFileSync } from 'node:fs';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { FaasmError } from '../../proto/errors.ts';

/** What V8, libc and the stacks of threads have for themselves. */
export const reservedMappings = 8192;
/** Counting 60,000 mappings takes 0.1 s. */
const countIntervalMs = 1000;
/** With Linux' own default where it cannot be read. */
const defaultMaxMapCount = 65_530;
const newline = 10;

export interface MappingBudget {
  /**
   * @param left how many more are to be left to others
   * @throws FaasmError `no_capacity` when so many more are too many
   */
  take(mappings: number, left?: number): void;
  /** They will soon be unmapped. */
  giveBack(mappings: number): void;
}

export interface MappingCounts {
  /** The estimate, one number that all threads share. */
  readonly taken: Int32Array;
  readonly max: number;
  /** What is true now; expensive. */
  count(): number;
  nowMs(): number;
}

/** The budget of this process, the same in every thread that was started after this file was first loaded. */
export function processMappingBudget(): MappingBudget {
  if (process.platform !== 'linux') return { take() {}, giveBack() {} };
  return createMappingBudget({
    taken: shared,
    max: Math.floor(Math.max(readMaxMapCount() - reservedMappings, readMaxMapCount() / 2)),
    count: countMappings,
    nowMs: () => performance.now(),
  });
}

export function createMappingBudget(counts: MappingCounts): MappingBudget {
  const { taken, max } = counts;
  let countedAtMs = Number.NEGATIVE_INFINITY;
  return {
    giveBack: (mappings) => void Atomics.sub(taken, 0, mappings),
    take(mappings, left = 0) {
      if (Atomics.add(taken, 0, mappings) + mappings + left <= max) return;
      if (counts.nowMs() - countedAtMs >= countIntervalMs) {
        countedAtMs = counts.nowMs();
        const actual = counts.count();
        Atomics.store(taken, 0, actual + mappings);
        if (actual + mappings + left <= max) return;
      }
      Atomics.sub(taken, 0, mappings);
      throw new FaasmError(
        'no_capacity',
        `All ${max} memory mappings of this host are taken: evict idle Faaslets and state, or raise vm.max_map_count`,
      );
    },
  };
}

function countMappings(): number {
  const maps = readFileSync('/proc/self/maps');
  let lines = 0;
  for (let at = maps.indexOf(newline); at !== -1; at = maps.indexOf(newline, at + 1)) lines++;
  return lines;
}

function readMaxMapCount(): number {
  try {
    return Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8')) || defaultMaxMapCount;
  } catch {
    return defaultMaxMapCount;
  }
}

const environmentKey = 'faasm.mappings';
const shared = ((): Int32Array => {
  const known: unknown = getEnvironmentData(environmentKey);
  if (known instanceof Int32Array) return known;
  const made = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  setEnvironmentData(environmentKey, made);
  return made;
})();
