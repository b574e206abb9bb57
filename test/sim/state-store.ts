/** Values that all hosts of a simulated world share, with locks among them, as Redis has them: see redis-scripts.ts. */
import { FaasmError } from '../../proto/errors.ts';
import type { StateKey, UserName } from '../../proto/names.ts';
import { checkCondition, lockLost, unconditional } from '../../src/state/core/condition.ts';
import type { LockMode } from '../../src/state/core/locks.ts';
import { nameOf } from '../../src/state/core/value-name.ts';
import type {
  ByteRange,
  ChangedValue,
  LockStore,
  Piece,
  StateStore,
  StateWatcher,
  ValueChange,
  WriteCondition,
} from '../../src/state/stores/port.ts';

interface Value {
  readonly user: UserName;
  readonly key: StateKey;
  bytes: Uint8Array;
  version: number;
  /** The newest changes, oldest first. */
  log: { readonly version: number; readonly previous: number; readonly ranges: readonly ByteRange[] }[];
}

interface HeldLock {
  readonly mode: LockMode;
  readonly fence: number;
  endsMs: number;
}

/** What happens to values and locks, for who checks it. */
export interface StateObserver {
  granted(name: string, owner: string, mode: LockMode, fence: number): void;
  changed(name: string, fence: number | undefined): void;
}

const loggedMax = 64;
const writerWaitsMs = 250;

export class SimValues {
  readonly #nowMs: () => number;
  readonly #observer: StateObserver;
  readonly #values = new Map<string, Value>();
  readonly #uploads = new Map<string, Uint8Array>();
  readonly #locks = new Map<string, Map<string, HeldLock>>();
  readonly #writerWaitsUntilMs = new Map<string, number>();
  readonly #watchers = new Map<string, StateWatcher>();
  #lastVersion = 0;
  #lastFence = 0;

  /** @param nowMs of the server */
  constructor(nowMs: () => number, observer: StateObserver = { granted() {}, changed() {} }) {
    this.#nowMs = nowMs;
    this.#observer = observer;
  }

  /**
   * As one host reaches it.
   * @param isShared whether there may be other hosts; else it is as the file of one host is, without locks
   * @param tell how that host hears of a change: the handler is to be called soon, or `missed` in its place
   */
  connect(
    instance: string,
    tell: (watcher: StateWatcher, name: string) => void,
    isShared = true,
  ): StateStore {
    const uploadOf = (user: UserName, upload: string): string => `${instance} ${user} ${upload}`;
    // One host alone looks itself whether a lock is held.
    const seenFrom = ({ fence, ...rest }: WriteCondition): WriteCondition =>
      fence === undefined || !isShared ? rest : { ...rest, fence };
    const find = (user: UserName, key: StateKey): Value | undefined => this.#values.get(nameOf(user, key));
    return {
      exclusive: !isShared,
      immutable: false,
      locks: isShared ? this.#lockStore : undefined,

      get: async (user, key, offset = 0, length = Number.MAX_SAFE_INTEGER) => {
        const value = find(user, key);
        if (value === undefined) return undefined;
        const { bytes, version } = value;
        return { bytes: bytes.slice(offset, offset + length), sizeBytes: bytes.length, version };
      },

      describe: async (user, key) => {
        const value = find(user, key);
        return value && { sizeBytes: value.bytes.length, version: value.version };
      },

      write: async (user, key, change, condition = unconditional) =>
        this.#change(instance, user, key, seenFrom(condition), (before) => toChanged(before, change)),

      append: async (user, key, bytes, condition = unconditional) =>
        this.#change(instance, user, key, seenFrom(condition), (before) =>
          toChanged(before, { pieces: [{ offset: before.length, bytes }] }),
        ),

      changesSince: async (user, key, since) => {
        const value = find(user, key);
        if (value === undefined) return undefined;
        const { bytes, version, log } = value;
        const ranges: ByteRange[] = [];
        let next = version;
        for (const entry of log.toReversed()) {
          if (next === since || entry.version !== next) break;
          ranges.push(...entry.ranges);
          next = entry.previous;
        }
        const all = [{ offset: 0, length: bytes.length }];
        return { version, sizeBytes: bytes.length, ranges: next === since ? ranges : all };
      },

      delete: async (user, key, condition = unconditional) => {
        const name = nameOf(user, key);
        const value = this.#values.get(name);
        this.#check(name, value, seenFrom(condition));
        this.#values.delete(name);
        if (value !== undefined) this.#changed(instance, name, condition);
        return value !== undefined;
      },

      list: async (user, after, limit) =>
        [...this.#values.values()]
          .filter((value) => value.user === user)
          .map(({ key, bytes, version }) => ({ key, sizeBytes: bytes.length, version }))
          .sort((left, right) => (left.key < right.key ? -1 : 1))
          .filter(({ key }) => after === undefined || key > after)
          .slice(0, limit),

      usage: async (user) =>
        [...this.#values.values()]
          .filter((value) => value.user === user)
          .reduce((sum, { bytes }) => sum + bytes.length, 0),

      stage: async (user, upload, piece) => {
        const before = this.#uploads.get(uploadOf(user, upload)) ?? new Uint8Array(0);
        this.#uploads.set(uploadOf(user, upload), toChanged(before, { pieces: [piece] }).bytes);
      },

      commit: async (user, key, upload, sizeBytes, condition = unconditional) => {
        const staged = this.#uploads.get(uploadOf(user, upload));
        const name = nameOf(user, key);
        if (staged === undefined) throw new FaasmError('not_found', `No upload for state ${name}`);
        const changed = this.#change(instance, user, key, seenFrom(condition), (before) => ({
          bytes: toChanged(staged, { pieces: [], sizeBytes }).bytes,
          ranges: [{ offset: 0, length: Math.max(before.length, sizeBytes) }],
        }));
        this.#uploads.delete(uploadOf(user, upload));
        return changed;
      },

      discard: async (user, upload) => {
        this.#uploads.delete(uploadOf(user, upload));
      },

      watch: async (watcher) => {
        this.#watchers.set(instance, { ...watcher, changed: (name) => tell(watcher, name) });
      },

      close: async () => this.disconnect(instance),
    };
  }

  disconnect(instance: string): void {
    this.#watchers.delete(instance);
  }

  read(user: UserName, key: StateKey): Uint8Array | undefined {
    return this.#values.get(nameOf(user, key))?.bytes;
  }

  #change(
    instance: string,
    user: UserName,
    key: StateKey,
    condition: WriteCondition,
    make: (before: Uint8Array) => Changed,
  ): ChangedValue {
    const name = nameOf(user, key);
    const value = this.#values.get(name);
    this.#check(name, value, condition);
    const { bytes, ranges } = make(value?.bytes ?? new Uint8Array(0));
    const version = ++this.#lastVersion;
    const previous = value?.version;
    const log = [...(value?.log ?? []), { version, previous: previous ?? -1, ranges }].slice(-loggedMax);
    this.#values.set(name, { user, key, bytes, version, log });
    this.#changed(instance, name, condition);
    return { version, sizeBytes: bytes.length, previousVersion: previous };
  }

  #changed(instance: string, name: string, { fence }: WriteCondition): void {
    this.#observer.changed(name, fence);
    for (const [other, watcher] of this.#watchers) if (other !== instance) watcher.changed(name);
  }

  #check(name: string, value: Value | undefined, condition: WriteCondition): void {
    const { fence } = condition;
    if (fence !== undefined) {
      const lock = [...(this.#locks.get(name)?.values() ?? [])].find((one) => one.fence === fence);
      if (lock === undefined || lock.endsMs <= this.#nowMs()) throw lockLost(name);
    }
    checkCondition(value?.version, condition, name);
  }

  readonly #lockStore: LockStore = {
    take: async (name, owner, mode, leaseMs) => {
      const nowMs = this.#nowMs();
      const locks = this.#locks.get(name) ?? new Map<string, HeldLock>();
      this.#locks.set(name, locks);
      for (const [other, lock] of locks) if (lock.endsMs <= nowMs) locks.delete(other);
      const own = locks.get(owner);
      if (own?.mode === mode) {
        own.endsMs = nowMs + leaseMs;
        return { fence: own.fence, leaseEndsAtMs: own.endsMs };
      }
      const isFree = [...locks.values()].every((lock) => lock.mode === 'read' && mode === 'read');
      const writerWaits = mode === 'read' && (this.#writerWaitsUntilMs.get(name) ?? 0) > nowMs;
      if (!isFree || writerWaits) {
        if (mode === 'write') this.#writerWaitsUntilMs.set(name, nowMs + writerWaitsMs);
        return undefined;
      }
      const fence = ++this.#lastFence;
      if (mode === 'write') this.#writerWaitsUntilMs.delete(name);
      locks.set(owner, { mode, fence, endsMs: nowMs + leaseMs });
      this.#observer.granted(name, owner, mode, fence);
      return { fence, leaseEndsAtMs: nowMs + leaseMs };
    },

    release: async (name, owner, fence) => {
      const lock = this.#locks.get(name)?.get(owner);
      if (lock === undefined) return false;
      this.#locks.get(name)!.delete(owner);
      return (fence === undefined || lock.fence === fence) && lock.endsMs > this.#nowMs();
    },
  };
}

interface Changed {
  readonly bytes: Uint8Array;
  readonly ranges: readonly ByteRange[];
}

function toChanged(before: Uint8Array, { pieces, sizeBytes, minSizeBytes = 0 }: ValueChange): Changed {
  const endOf = ({ offset, bytes }: Piece): number => offset + bytes.length;
  const size = sizeBytes ?? Math.max(before.length, minSizeBytes, ...pieces.map(endOf));
  const bytes = new Uint8Array(size);
  bytes.set(before.subarray(0, size));
  for (const piece of pieces)
    bytes.set(piece.bytes.subarray(0, Math.max(0, size - piece.offset)), piece.offset);
  const ranges = pieces.map((piece) => ({ offset: piece.offset, length: piece.bytes.length }));
  if (size !== before.length) {
    ranges.push({ offset: Math.min(size, before.length), length: Math.abs(size - before.length) });
  }
  return { bytes, ranges };
}
