/**
 * All values of this host, wherever they are: in shared memory when an executor has opened them, else in the global
 * tier alone. Reads and writes from outside go where the value is, so that they and the guests see each other at once.
 *
 * What is done to one value is done one after the other, and answered after it is durable.
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { StateKey, UserName } from '../../../proto/names.ts';
import { Gates } from '../../bus/gates.ts';
import { checkCondition, isConditional, isLockLost, lockLost, unconditional } from '../core/condition.ts';
import { account, charge, isKnown, learn, type Quota } from '../core/quota.ts';
import { nameOf, showName } from '../core/value-name.ts';
import type {
  StateStore,
  StoredBytes,
  StoredKey,
  StoredValue,
  ValueChange,
  WriteCondition,
} from '../stores/port.ts';
import type { OpenRequest } from './messages.ts';
import { partBytes } from './push-segment.ts';
import { type Resident, Residents, type ResidentsOptions } from './residents.ts';
import {
  capacityOf,
  isDirty,
  readBytes,
  type Segment,
  type SegmentView,
  setSize,
  sizeOf,
  writeBytes,
} from './segment.ts';
import { withMutexLater } from './segment-mutex.ts';

export interface ValuesOptions extends Omit<ResidentsOptions, 'gates'> {
  /** Whether the lock that this host's own table granted with this number is held still. */
  readonly isHeld: (name: string, fence: number) => boolean;
  /** This value has something to push, and nobody is about to do it. */
  readonly onDirty: (name: string) => void;
}

/** Where a write goes. */
export type WritePlace =
  | 'whole'
  | 'end'
  /** The value has `totalBytes` at least afterwards. */
  | { readonly offset: number; readonly totalBytes?: number };

/** How often a read looks for a moment without unpushed changes before it gives up on the newest version number. */
const cleanReadTries = 5;
/** A larger value of a shared store comes into memory only when a guest asks for a pointer to it, or writes to it asynchronously. */
const wholeMaxBytes = 256 * 1024 * 1024;
/** While a host stops and something cannot be saved. */
const pushAgainMs = 250;
/** Of values that could not be saved, so many are named. */
const shownMax = 20;

export class Values {
  readonly #options: ValuesOptions;
  readonly #store: StateStore;
  readonly #quota: Quota;
  readonly #gates = new Gates();
  readonly #residents: Residents;

  constructor(options: ValuesOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#quota = options.quota;
    this.#residents = new Residents({ ...options, gates: this.#gates });
  }

  get residents(): Residents {
    return this.#residents;
  }

  /** The shared memory of a value, for an executor. @throws FaasmError `too_large`, `no_capacity`, `storage_unavailable` */
  open(
    user: UserName,
    key: StateKey,
    { mode, totalBytes, roomBytes, fresh }: Omit<OpenRequest, 'owner'>,
  ): Promise<Segment | 'direct' | undefined> {
    return this.#alone(user, key, async (name) => {
      if (mode === 'read' && (await this.#isTooLarge(user, key))) return 'direct';
      let resident = await this.#resident(user, key, fresh);
      if (this.#store.immutable && mode === 'extend') {
        const isWhole = resident !== undefined && sizeOf(resident.view) >= Math.max(totalBytes, roomBytes);
        return isWhole ? resident!.view.segment : 'direct';
      }
      if (resident === undefined && mode === 'extend') {
        resident = await this.#residents.create(user, key, totalBytes, roomBytes);
        this.#options.onDirty(name);
      }
      if (resident === undefined) return undefined;
      this.#residents.touch(resident);
      await this.#residents.resize(resident, roomBytes);
      if (mode === 'extend' && sizeOf(resident.view) < totalBytes) {
        await this.#change(resident, totalBytes, (view) => {
          if (sizeOf(view) < totalBytes) setSize(view, totalBytes);
        });
        this.#options.onDirty(name);
      }
      return resident.view.segment;
    });
  }

  /** The shared memory with room for so many bytes, for an executor that is about to write them. */
  resize(user: UserName, key: StateKey, roomBytes: number): Promise<Segment | undefined> {
    return this.#alone(user, key, async () => {
      const resident = await this.#resident(user, key, false);
      if (resident === undefined) return undefined;
      await this.#residents.resize(resident, roomBytes);
      return resident.view.segment;
    });
  }

  /** The same for a value by its name. */
  async pushNamed(name: string): Promise<void> {
    const resident = this.#residents.get(name);
    if (resident !== undefined) await this.push(resident.user, resident.key);
  }

  /**
   * Pushes what was written under a lock that is about to be given back. It is kept now or never: later, others may
   * have the lock. @throws FaasmError `storage_unavailable`
   */
  async settle(name: string): Promise<void> {
    const known = this.#residents.get(name);
    if (known === undefined) return;
    await this.#alone(known.user, known.key, async () => {
      const resident = this.#residents.get(name);
      if (resident === undefined) return;
      try {
        await this.#residents.push(resident);
      } catch (error) {
        if (!isLockLost(error) && this.#options.fenceOf(name) !== undefined) {
          await this.#residents.forget(resident);
        }
        throw error;
      }
    });
  }

  /** When it resolves, all that was written to the value before is durable. @throws FaasmError `storage_unavailable` */
  push(user: UserName, key: StateKey): Promise<void> {
    return this.#alone(user, key, async (name) => {
      const resident = this.#residents.get(name);
      if (resident !== undefined) await this.#residents.push(resident);
    });
  }

  /** Another host has changed it. */
  async refreshNamed(name: string): Promise<void> {
    if (this.#residents.get(name) === undefined) return;
    await this.#gates.run(name, async () => {
      const resident = this.#residents.get(name);
      if (resident !== undefined) await this.#residents.refresh(resident);
    });
  }

  /** A range with the size and version of the whole; the range is cut off at the end. */
  read(user: UserName, key: StateKey, offset: number, length: number): Promise<StoredBytes | undefined> {
    return this.#alone(user, key, async (name) => {
      const resident = await this.#newest(name);
      if (resident === undefined) return await this.#store.get(user, key, offset, length);
      return await this.#readClean(resident, (view) => {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, sizeOf(view) - offset)));
        readBytes(view, offset, bytes);
        return bytes;
      });
    });
  }

  describe(user: UserName, key: StateKey): Promise<StoredValue | undefined> {
    return this.#alone(user, key, async (name) => {
      const resident = await this.#newest(name);
      if (resident === undefined) return await this.#store.describe(user, key);
      const { sizeBytes, version } = await this.#readClean(resident, () => new Uint8Array(0));
      return { sizeBytes, version };
    });
  }

  /** @throws FaasmError `precondition_failed`, `too_large`, `storage_unavailable` */
  write(
    user: UserName,
    key: StateKey,
    place: WritePlace,
    bytes: Uint8Array,
    condition: WriteCondition = unconditional,
  ): Promise<StoredValue> {
    return this.#alone(user, key, async (name) => {
      this.#checkFence(name, condition);
      const resident = this.#residents.get(name);
      if (resident === undefined) return await this.#writeStored(user, key, place, bytes, condition);
      if (this.#store.exclusive) return await this.#writeResident(resident, place, bytes, condition);
      // What was written here before comes before it for other hosts too.
      await this.#residents.push(resident);
      const stored = await this.#writeStored(user, key, place, bytes, condition);
      await this.#residents.refresh(resident);
      return stored;
    });
  }

  /** @throws FaasmError `not_found`, `precondition_failed`, `storage_unavailable` */
  delete(user: UserName, key: StateKey, condition: WriteCondition): Promise<void> {
    return this.#alone(user, key, async (name) => {
      this.#checkFence(name, condition);
      const resident = this.#residents.get(name);
      if (resident !== undefined) {
        if (isConditional(condition)) await this.#residents.push(resident);
        await this.#store.delete(user, key, condition);
        await this.#residents.drop(resident);
        return;
      }
      const storedBytes = await this.#storedBytes(user, key);
      const deleted = await this.#store.delete(user, key, condition);
      if (!deleted)
        throw new FaasmError('not_found', `No state ${showName(name)}`, { details: { component: 'state' } });
      account(this.#quota, user, -storedBytes);
    });
  }

  /** A staged upload becomes the value. @throws FaasmError as `write` does */
  commit(
    user: UserName,
    key: StateKey,
    upload: string,
    sizeBytes: number,
    condition: WriteCondition,
  ): Promise<StoredValue> {
    return this.#alone(user, key, async (name) => {
      this.#checkFence(name, condition);
      const resident = this.#residents.get(name);
      if (resident !== undefined && !(await this.#residents.evict(resident))) {
        throw new FaasmError(
          'conflict',
          `State ${showName(name)} cannot be replaced while a function has it mapped; try again`,
        );
      }
      const before = await this.#storedBytes(user, key);
      const committed = await this.#store.commit(user, key, upload, sizeBytes, condition);
      account(this.#quota, user, sizeBytes - before);
      return committed;
    });
  }

  /** In the order of the token form, those after `after`; what was written before is in it. */
  async list(user: UserName, after: StateKey | undefined, limit: number): Promise<readonly StoredKey[]> {
    const prefix = `${user}/`;
    for (const name of this.#residents.dirty()) if (name.startsWith(prefix)) await this.pushNamed(name);
    return await this.#store.list(user, after, limit);
  }

  /** Makes sure of what the user has, before anything is charged. */
  async knowUsage(user: UserName): Promise<void> {
    if (!isKnown(this.#quota, user)) learn(this.#quota, user, await this.#store.usage(user));
  }

  /**
   * Pushes everything, and what cannot be pushed again and again until then.
   * @throws FaasmError `storage_unavailable` that names what could not be saved
   */
  async pushAll(untilMs: number): Promise<void> {
    const { clock, timers } = this.#options.powers;
    await this.#gates.idle();
    for (;;) {
      const failed: Resident[] = [];
      let cause: unknown;
      for (const name of this.#residents.dirty()) {
        const resident = this.#residents.get(name);
        if (resident === undefined) continue;
        await this.#gates
          .run(name, () => this.#residents.push(resident))
          .catch((error) => {
            failed.push(resident);
            cause = error;
          });
      }
      if (failed.length === 0) return;
      if (clock.steadyMs() >= untilMs) throw notSaved(failed, cause);
      await timers.sleep(Math.min(pushAgainMs, Math.max(1, untilMs - clock.steadyMs())));
    }
  }

  /** Where locks are this host's, its own table says what is held; else the store looks, as it makes the change. */
  #checkFence(name: string, { fence }: WriteCondition): void {
    if (fence === undefined || this.#store.locks !== undefined || this.#options.isHeld(name, fence)) return;
    throw lockLost(name);
  }

  async #alone<T>(user: UserName, key: StateKey, work: (name: string) => Promise<T>): Promise<T> {
    await this.knowUsage(user);
    const name = nameOf(user, key);
    return await this.#gates.run(name, async () => {
      try {
        return await work(name);
      } catch (error) {
        if (!isLockLost(error)) throw error;
        // What was to be pushed under the lost lock is dropped now, and stands in nobody else's way.
        return await work(name);
      }
    });
  }

  async #resident(user: UserName, key: StateKey, fresh: boolean): Promise<Resident | undefined> {
    const resident = this.#residents.get(nameOf(user, key));
    if (resident === undefined) return await this.#residents.load(user, key);
    return fresh ? await this.#residents.refresh(resident) : resident;
  }

  /** Where other hosts write too, a range of a large value is read where it is, rather than all of it brought here. */
  async #isTooLarge(user: UserName, key: StateKey): Promise<boolean> {
    if (this.#store.exclusive || this.#residents.get(nameOf(user, key)) !== undefined) return false;
    const stored = await this.#store.describe(user, key);
    return stored !== undefined && stored.sizeBytes > wholeMaxBytes;
  }

  /** What is in memory, with what other hosts have changed. */
  async #newest(name: string): Promise<Resident | undefined> {
    const resident = this.#residents.get(name);
    return resident && (await this.#residents.refresh(resident));
  }

  /** Changes a value in memory, after making room for it. */
  async #change(resident: Resident, neededBytes: number, change: (view: SegmentView) => void): Promise<void> {
    await this.#residents.resize(resident, neededBytes);
    const { view } = resident;
    await withMutexLater(view, () => change(view));
  }

  /** Reads at a moment when all is pushed, so that the version is that of the bytes. */
  async #readClean(resident: Resident, read: (view: SegmentView) => Uint8Array): Promise<StoredBytes> {
    for (let tries = 1; ; tries++) {
      const version = await this.#residents.push(resident);
      const { view } = resident;
      const found = await withMutexLater(view, () => {
        // The last time an older version will do: a change on condition of it is refused, as it has to be.
        if (isDirty(view) && tries < cleanReadTries) return undefined;
        return { bytes: read(view), sizeBytes: sizeOf(view), version };
      });
      if (found !== undefined) return found;
    }
  }

  async #writeResident(
    resident: Resident,
    place: WritePlace,
    bytes: Uint8Array,
    condition: WriteCondition,
  ): Promise<StoredValue> {
    const { name } = resident;
    const conditional = isConditional(condition);
    if (conditional) checkCondition(await this.#residents.push(resident), condition, name);
    for (let written = false; !written; ) {
      const endOf = (view: SegmentView) =>
        Math.max(offsetIn(place, sizeOf(view)) + bytes.length, totalOf(place));
      await this.#change(resident, endOf(resident.view), (view) => {
        if (conditional && typeof condition.expectVersion === 'number' && isDirty(view)) {
          throw new FaasmError(
            'precondition_failed',
            `State ${showName(name)} was changed by a function meanwhile`,
          );
        }
        // As late as can be: whoever has the lock next reads this memory.
        this.#checkFence(name, condition);
        // A guest may have appended since the room was made.
        if (endOf(view) > capacityOf(view)) return;
        if (place === 'whole') setSize(view, bytes.length);
        writeBytes(view, offsetIn(place, sizeOf(view)), bytes);
        if (sizeOf(view) < totalOf(place)) setSize(view, totalOf(place));
        written = true;
      });
    }
    try {
      const version = await this.#residents.push(resident);
      return { sizeBytes: resident.storedBytes, version };
    } catch (error) {
      this.#options.onDirty(name);
      throw error;
    }
  }

  /** For the quota: a value whose record is damaged counts for nothing, so that it can be replaced and deleted. */
  async #storedBytes(user: UserName, key: StateKey): Promise<number> {
    try {
      return (await this.#store.describe(user, key))?.sizeBytes ?? 0;
    } catch (error) {
      if (error instanceof FaasmError && error.code === 'storage_corrupt') return 0;
      throw error;
    }
  }

  async #writeStored(
    user: UserName,
    key: StateKey,
    place: WritePlace,
    bytes: Uint8Array,
    condition: WriteCondition,
  ): Promise<StoredValue> {
    const before = await this.#storedBytes(user, key);
    const end = Math.max(offsetIn(place, before) + bytes.length, totalOf(place));
    const after = place === 'whole' ? end : Math.max(before, end);
    const refused = charge(this.#quota, user, nameOf(user, key), after - before, after);
    if (refused !== undefined) throw refused;
    try {
      if (place === 'end') return await this.#store.append(user, key, bytes, condition);
      if (place === 'whole' && bytes.length > partBytes)
        return await this.#writeLarge(user, key, bytes, condition);
      const pieces = [{ offset: offsetIn(place, before), bytes }];
      const change: ValueChange =
        place === 'whole' ? { pieces, sizeBytes: bytes.length } : { pieces, minSizeBytes: totalOf(place) };
      return await this.#store.write(user, key, change, condition);
    } catch (error) {
      account(this.#quota, user, before - after);
      throw error;
    }
  }

  /** In parts, so that the store is not kept from others for long; the value is changed in one step. */
  async #writeLarge(
    user: UserName,
    key: StateKey,
    bytes: Uint8Array,
    condition: WriteCondition,
  ): Promise<StoredValue> {
    const upload = `write:${nameOf(user, key)}`;
    try {
      for (let at = 0; at < bytes.length; at += partBytes) {
        await this.#store.stage(user, upload, { offset: at, bytes: bytes.subarray(at, at + partBytes) });
      }
      return await this.#store.commit(user, key, upload, bytes.length, condition);
    } catch (error) {
      await this.#store.discard(user, upload).catch(() => {});
      throw error;
    }
  }
}

function notSaved(values: readonly Resident[], cause: unknown): FaasmError {
  const bytes = values.reduce((sum, { view }) => sum + sizeOf(view), 0);
  const names = values.slice(0, shownMax).map(({ name }) => showName(name));
  const more = values.length > shownMax ? ` and ${values.length - shownMax} more` : '';
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FaasmError(
    'storage_unavailable',
    `NOT SAVED: state ${names.join(', ')}${more}, values of ${bytes} bytes together: ${why}`,
    { cause },
  );
}

function totalOf(place: WritePlace): number {
  return typeof place === 'object' ? (place.totalBytes ?? 0) : 0;
}

function offsetIn(place: WritePlace, sizeBytes: number): number {
  if (place === 'whole') return 0;
  return place === 'end' ? sizeBytes : place.offset;
}
