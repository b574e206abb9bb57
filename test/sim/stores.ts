/**
 * What hosts keep in a simulated world: it outlives them. While there are faults a store answers late, or fails, before
 * or after it has done what it was asked.
 */
import { DatabaseSync } from 'node:sqlite';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId } from '../../proto/names.ts';
import type { BegunAttempt, BegunCalls } from '../../src/calls/begun-marks.ts';
import type { CallQueue } from '../../src/calls/queue-port.ts';
import { open as openQueue } from '../../src/calls/sqlite-queue-operations.ts';
import { runBatch } from '../../src/storage/sqlite-batch.ts';
import type { SimRandom } from './random.ts';
import type { Life, World } from './world.ts';

export interface StoreFaults {
  /** Of an operation, each. */
  failure: number;
  lateness: number;
  lateMs: number;
}

export const noStoreFaults: StoreFaults = { failure: 0, lateness: 0, lateMs: 0 };

export interface FaultyOptions {
  readonly world: World;
  readonly life: Life;
  readonly random: SimRandom;
  readonly faults: StoreFaults;
  /** For the trace and for errors. */
  readonly name: string;
  /** Whether what failed may have been done, as where an answer was lost. A file of this host is not like that. */
  readonly mayBeDone: boolean;
  /** Methods that are as they are. */
  readonly plain?: readonly string[];
}

/**
 * The store as one life reaches it: operations take effect in the order in which they were called, after a while, and
 * are answered after another while; none of both for a life that has ended meanwhile.
 */
export function faulty<Store extends object>(store: Store, options: FaultyOptions): Store {
  const { world, life, random, faults, name, mayBeDone, plain = [] } = options;
  let freeMs = 0;
  const late = (): number => (random.chance(faults.lateness) ? random.between(0, faults.lateMs) : 0);
  return new Proxy(store, {
    get(target, member) {
      const method: unknown = Reflect.get(target, member);
      if (typeof method !== 'function' || plain.includes(String(member))) return method;
      const what = `${name}.${String(member)}`;
      return (...given: unknown[]): Promise<unknown> => {
        const args = given.map(copied);
        const atMs = Math.max(freeMs, world.nowMs + random.between(0.05, 0.5) + late());
        freeMs = atMs;
        const fails = random.chance(faults.failure);
        const wasDone = fails && mayBeDone && random.chance(0.5);
        const error = new FaasmError('storage_unavailable', `${what} failed, as it was to`);
        return new Promise((resolve, reject) => {
          world.after(atMs - world.nowMs, life, what, async () => {
            world.trace(`${life.name} ${what}${fails ? (wasDone ? ' done and failed' : ' failed') : ''}`);
            let answer: () => void = () => reject(error);
            if (!fails || wasDone) {
              try {
                const value: unknown = await method.apply(target, args);
                if (!fails) answer = () => resolve(value);
              } catch (thrown) {
                answer = () => reject(thrown);
              }
            }
            world.after(random.between(0.05, 0.5) + late(), life, `${what} answers`, answer);
          });
        });
      };
    },
  });
}

/** Bytes are copied before a call returns; the rest nobody changes. */
function copied(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(copied);
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, copied(one)]));
}

/** The queue of one host: the tables and operations of the real one, in memory. */
export function createSimCallQueue(): { readonly queue: CallQueue; readonly db: DatabaseSync } {
  const db = new DatabaseSync(':memory:');
  const operations = openQueue(db, 'sim');
  type Operations = typeof operations;
  async function run<Name extends keyof Operations>(
    name: Name,
    argument: Parameters<Operations[Name]>[0],
  ): Promise<ReturnType<Operations[Name]>> {
    const [{ value, error }] = runBatch(db, operations, [{ name, argument }]) as [
      { value: unknown; error: unknown },
    ];
    if (error !== undefined) throw error;
    return value as ReturnType<Operations[Name]>;
  }
  const queue: CallQueue = {
    enqueue: (call) => run('enqueue', call),
    find: (call) => run('find', call),
    claim: (id, nowMs) => run('claim', { id, nowMs }),
    finish: (id, end) => run('finish', { id, end }),
    retry: (id, error, notBeforeMs) => run('retry', { id, error, notBeforeMs }),
    cancel: (id, nowMs) => run('cancel', { id, nowMs }),
    status: (id) => run('status', { id }),
    output: (id, offset, length) => run('output', { id, offset, length }),
    sweep: (endedBeforeMs, limit) => run('sweep', { endedBeforeMs, limit }),
    recover: (begun) => run('recover', { begun }),
    shrink: async () => {},
    close: async () => {},
  };
  return { queue, db };
}

/** Which attempts had begun on a host, as executors mark them on its disk. */
export class SimBegun implements BegunCalls {
  readonly #marks = new Map<CallId, number>();

  mark({ id, attempt }: BegunAttempt): void {
    this.#marks.set(id, attempt);
  }

  async read(): Promise<BegunAttempt[]> {
    return [...this.#marks].map(([id, attempt]) => ({ id, attempt }));
  }

  async forget(): Promise<void> {
    this.#marks.clear();
  }
}
