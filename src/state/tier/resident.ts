/**
 * A value in this host's shared memory.
 *
 * Owns: its segment, its twin, and how much of it the global tier is known to have
 * Never: says when. All of it is called under the value's gate, one at a time; guests meanwhile read and write the segment.
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { StateKey, UserName } from '../../../proto/names.ts';
import { isLockLost } from '../core/condition.ts';
import { account, charge, type Quota } from '../core/quota.ts';
import { nameOf, showName } from '../core/value-name.ts';
import type { StateStore, StoredBytes, StoredValue } from '../stores/port.ts';
import { readChanges, takeChanges } from './pull-segment.ts';
import { pushSegment } from './push-segment.ts';
import {
  capacityOf,
  flagDirty,
  isDirty,
  isMapped,
  moveSegment,
  readBytes,
  retire,
  type Segment,
  type SegmentView,
  setSize,
  sizeOf,
  takeUsed,
  writeBytes,
} from './segment.ts';
import { roundUp, type SegmentMemory } from './segment-memory.ts';
import { withMutexLater } from './segment-mutex.ts';
import { hasTwin, Twin } from './twin.ts';
import { endOf, startOf, type WritePlace } from './write-place.ts';

export interface ResidentOptions {
  readonly store: StateStore;
  readonly quota: Quota;
  readonly memory: SegmentMemory;
  /** Of the lock that an owner of this host has on a value, where several hosts write. */
  readonly fenceOf: (name: string) => number | undefined;
  /** It is retired. */
  readonly onLeave: (resident: Resident) => void;
}

/** How often a read looks for a moment without unpushed changes before it gives up on the newest version number. */
const cleanReadTries = 5;

export class Resident {
  readonly name: string;
  readonly user: UserName;
  readonly key: StateKey;
  readonly #options: ResidentOptions;
  /** Where other hosts write too, unless the value is too large to have one. */
  readonly #twin: Twin | undefined;
  #view: SegmentView;
  #storedBytes: number;

  /** @param storedBytes how much of what is in the segment the global tier has as well */
  constructor(
    options: ResidentOptions,
    user: UserName,
    key: StateKey,
    view: SegmentView,
    storedBytes: number,
  ) {
    this.name = nameOf(user, key);
    this.user = user;
    this.key = key;
    this.#options = options;
    this.#view = view;
    this.#storedBytes = storedBytes;
    this.#twin = hasTwin(options.store.exclusive, capacityOf(view)) ? new Twin() : undefined;
    this.#twin?.set({ offset: 0, bytes: view.data.subarray(0, storedBytes) });
  }

  get view(): SegmentView {
    return this.#view;
  }

  get segment(): Segment {
    return this.#view.segment;
  }

  get sizeBytes(): number {
    return sizeOf(this.#view);
  }

  get isDirty(): boolean {
    return isDirty(this.#view);
  }

  /** Whether it was touched since the last call. */
  takeUsed(): boolean {
    return takeUsed(this.#view);
  }

  /**
   * Room for so many bytes: twice what there was where the quota allows it, so that appending is not copying.
   * @throws FaasmError `conflict` while a guest has it mapped; `too_large`, `no_capacity`
   */
  async reserve(neededBytes: number): Promise<void> {
    const oldBytes = capacityOf(this.#view);
    if (neededBytes <= oldBytes) return;
    const { quota } = this.#options;
    const doubled = Math.min(Math.max(neededBytes, 2 * oldBytes), quota.limits.valueMaxBytes);
    let newBytes = Math.max(roundUp(doubled), roundUp(neededBytes));
    if (charge(quota, this.user, this.name, newBytes - oldBytes, neededBytes) !== undefined) {
      newBytes = roundUp(neededBytes);
      const refused = charge(quota, this.user, this.name, newBytes - oldBytes, neededBytes);
      if (refused !== undefined) throw refused;
    }
    try {
      if (newBytes > this.#view.data.length) await this.#replace(newBytes);
      else await this.#options.memory.raise(this.name, this.#view, newBytes);
    } catch (error) {
      account(quota, this.user, oldBytes - newBytes);
      throw error;
    }
  }

  /** With zeros, where it has fewer bytes. @returns whether it had @throws FaasmError as `reserve` does */
  async extend(sizeBytes: number): Promise<boolean> {
    if (this.sizeBytes >= sizeBytes) return false;
    await this.reserve(sizeBytes);
    const view = this.#view;
    await withMutexLater(view, () => {
      if (sizeOf(view) < sizeBytes) setSize(view, sizeBytes);
    });
    return true;
  }

  /** At a moment when all is pushed, so that the version is that of the bytes. */
  async read(offset: number, length: number): Promise<StoredBytes> {
    for (let tries = 1; ; tries++) {
      const { version } = await this.push();
      const view = this.#view;
      const found = await withMutexLater(view, () => {
        // The last time an older version will do: a change on condition of it is refused, as it has to be.
        if (isDirty(view) && tries < cleanReadTries) return undefined;
        const bytes = new Uint8Array(Math.max(0, Math.min(length, sizeOf(view) - offset)));
        readBytes(view, offset, bytes);
        return { bytes, sizeBytes: sizeOf(view), version };
      });
      if (found !== undefined) return found;
    }
  }

  /**
   * Into memory; `push` makes it durable.
   * @param check whether it still may be done, as late as can be
   * @throws FaasmError what `check` throws, and as `reserve` does
   */
  async write(place: WritePlace, bytes: Uint8Array, check: () => void): Promise<void> {
    const sizeAfter = (): number => endOf(place, this.sizeBytes, bytes.length);
    for (let written = false; !written; ) {
      await this.reserve(sizeAfter());
      const view = this.#view;
      await withMutexLater(view, () => {
        check();
        const sizeBytes = sizeAfter();
        // A guest may have appended since the room was made.
        if (sizeBytes > capacityOf(view)) return;
        const offset = startOf(place, sizeOf(view));
        if (place === 'whole') setSize(view, sizeBytes);
        writeBytes(view, offset, bytes);
        if (sizeOf(view) < sizeBytes) setSize(view, sizeBytes);
        written = true;
      });
    }
  }

  /**
   * When it resolves, all that was dirty is durable.
   * @throws FaasmError `storage_unavailable`; `lock_lost` once what was written under the lost lock is forgotten
   */
  async push(): Promise<StoredValue> {
    try {
      await this.#push();
    } catch (error) {
      // What was written here under a lost lock is not to be written later either.
      if (isLockLost(error)) await this.forget();
      if (!(error instanceof FaasmError) || error.code !== 'precondition_failed') throw error;
      this.#startAnew();
      await this.#push();
    }
    return { sizeBytes: this.#storedBytes, version: this.#view.version[0]! };
  }

  /**
   * Brings in what other hosts have changed since; what was written here and not pushed yet stays. A value that they
   * deleted is dropped, unless something is written here: then it is made anew by the next push.
   * @returns whether there is a value still
   * @throws FaasmError `storage_unavailable`; `conflict` when it has grown and a guest has it mapped
   */
  async refresh(): Promise<boolean> {
    const { store } = this.#options;
    if (store.exclusive) return true;
    for (;;) {
      const version = this.#view.version[0]!;
      const changes = await store.changesSince(this.user, this.key, version);
      if (changes?.version === version) return true;
      if (changes !== undefined) {
        const pieces = await readChanges(store, this.user, this.key, changes);
        await this.reserve(changes.sizeBytes);
        const view = this.#view;
        await withMutexLater(view, () => takeChanges(view, this.#twin, this.#storedBytes, changes, pieces));
        this.#storedBytes = changes.sizeBytes;
      } else if (version === 0) return true;
      else if (this.isDirty) this.#startAnew();
      else {
        await this.drop();
        return false;
      }
    }
  }

  /** Pushes it and gives its memory back, unless a guest has it mapped. @throws FaasmError `storage_unavailable` */
  async evict(): Promise<boolean> {
    const view = this.#view;
    const retired = await withMutexLater(view, () => {
      if (isMapped(view)) return false;
      retire(view);
      return true;
    });
    if (!retired) return false;
    try {
      await this.push();
    } catch (error) {
      if (isLockLost(error)) return true;
      retire(view, false);
      throw error;
    }
    this.#leave(this.#storedBytes);
    return true;
  }

  /** The value is no more. */
  async drop(): Promise<void> {
    await withMutexLater(this.#view, () => retire(this.#view));
    this.#leave(0);
  }

  /** What was written here and not pushed is given up: the value is what the global tier has. */
  async forget(): Promise<void> {
    await withMutexLater(this.#view, () => retire(this.#view));
    this.#leave(this.#storedBytes);
  }

  #leave(keptBytes: number): void {
    const { quota, memory, onLeave } = this.#options;
    account(quota, this.user, keptBytes - capacityOf(this.#view));
    onLeave(this);
    memory.release(this.#view);
  }

  async #push(): Promise<void> {
    const { store, fenceOf } = this.#options;
    const { exclusive } = store;
    const { user, key } = this;
    const about = { user, key, view: this.#view, storedBytes: this.#storedBytes, twin: this.#twin };
    const pushedBytes = await pushSegment(store, { ...about, exclusive, fence: fenceOf(this.name) });
    this.#storedBytes = pushedBytes ?? this.#storedBytes;
  }

  /** Another host deleted it, and here it was written to: all of it is to be pushed. */
  #startAnew(): void {
    this.#twin?.cut(0);
    this.#view.version[0] = 0;
    this.#storedBytes = 0;
    flagDirty(this.#view, 0, this.sizeBytes);
  }

  async #replace(capacityBytes: number): Promise<void> {
    const { memory } = this.#options;
    const old = this.#view;
    const view = await memory.allocate(this.name, capacityBytes);
    try {
      await withMutexLater(old, () => {
        if (isMapped(old)) throw cannotGrow(this.name);
        moveSegment(old, view);
      });
    } catch (error) {
      memory.release(view);
      throw error;
    }
    this.#view = view;
    memory.release(old);
  }
}

function cannotGrow(name: string): FaasmError {
  return new FaasmError(
    'conflict',
    `State ${showName(name)} cannot grow while a function has it mapped; open it with its final size`,
    { details: { component: 'state' } },
  );
}
