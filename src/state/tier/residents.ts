/**
 * The values that are in this host's shared memory: brought in, given more room, pushed, and dropped again.
 * Everything here about one value is called under that value's gate, one at a time; guests meanwhile read and write
 * the segments.
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { StateKey, UserName } from '../../../proto/names.ts';
import type { Gates } from '../../bus/gates.ts';
import type { Powers } from '../../power/port.ts';
import { isLockLost } from '../core/condition.ts';
import { account, charge, type Quota } from '../core/quota.ts';
import { joinRanges } from '../core/ranges.ts';
import { nameOf, showName, showValue } from '../core/value-name.ts';
import {
  chunkBytes,
  type Piece,
  type StateStore,
  type StoredValue,
  type ValueChanges,
} from '../stores/port.ts';
import { partBytes, pushSegment } from './push-segment.ts';
import {
  type AllocateData,
  capacityOf,
  createSegment,
  flagDirty,
  isDirty,
  isDirtyAt,
  isMapped,
  removeMapping,
  retire,
  type SegmentData,
  type SegmentView,
  setSize,
  sizeOf,
  takeUsed,
  viewSegment,
  word,
} from './segment.ts';
import { breakMutex, withMutexLater } from './segment-mutex.ts';
import { Twin } from './twin.ts';

export interface Resident {
  readonly name: string;
  readonly user: UserName;
  readonly key: StateKey;
  view: SegmentView;
  /** The size that the global tier has, as far as is known. */
  storedBytes: number;
  /** Where other hosts write too, unless the value is too large to have one. */
  readonly twin: Twin | undefined;
}

export interface ResidentsOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly store: StateStore;
  readonly quota: Quota;
  readonly gates: Gates;
  readonly residentMaxBytes: number;
  readonly allocate: AllocateData;
  /** Of the lock that an owner of this host has on a value, where several hosts write. */
  readonly fenceOf: (name: string) => number | undefined;
  /** Nobody reads or maps it any more. */
  readonly release: (data: SegmentData) => void;
}

/** A larger value has no twin: hosts that change one of its chunks at the same time overwrite each other's. */
const twinMaxBytes = 256 * 1024 * 1024;
/** A capacity is a multiple of the page size, so that it can be mapped. */
const pageBytes = 4096;
/** The control block of a small value, and what V8 and this record add to it. */
const overheadBytes = 2048;
/** Of the memory for values, what is freed at once when it is used up. */
const spareShare = 0.1;
/** What is done to a value ends soon, unless it waits for room as well: then one of the two has to give up. */
const busyWaitMs = 1000;
const busyPollMs = 2;

export class Residents {
  readonly #options: ResidentsOptions;
  /** In the order of their last use, as far as it is known. */
  readonly #all = new Map<string, Resident>();
  /** Retired, and still in a guest's memory. */
  #mapped: SegmentView[] = [];
  #bytes = 0;

  constructor(options: ResidentsOptions) {
    this.#options = options;
  }

  get(name: string): Resident | undefined {
    return this.#all.get(name);
  }

  /** Some memory waits for a guest to give it back. */
  get hasMapped(): boolean {
    return this.#mapped.length > 0;
  }

  names(): string[] {
    return [...this.#all.keys()];
  }

  /** Names of values with something to push. */
  dirty(): string[] {
    return [...this.#all.values()].filter(({ view }) => isDirty(view)).map(({ name }) => name);
  }

  /** Brings a value in, if there is one. @throws FaasmError `no_capacity`, `storage_unavailable` */
  async load(user: UserName, key: StateKey): Promise<Resident | undefined> {
    const { store, quota } = this.#options;
    const first = await store.get(user, key, 0, partBytes);
    if (first === undefined) return undefined;
    const view = await this.#allocate(nameOf(user, key), first.sizeBytes);
    try {
      await this.#fill(view, user, key, first);
    } catch (error) {
      this.#release(view);
      throw error;
    }
    account(quota, user, capacityOf(view) - first.sizeBytes);
    const twin = this.#twinFor(first.sizeBytes);
    twin?.set({ offset: 0, bytes: view.data.subarray(0, first.sizeBytes) });
    return this.#add({ name: nameOf(user, key), user, key, view, storedBytes: first.sizeBytes, twin });
  }

  /** Makes a value of zeros, which is dirty from the start. @throws FaasmError `too_large`, `no_capacity` */
  async create(user: UserName, key: StateKey, sizeBytes: number, roomBytes: number): Promise<Resident> {
    const name = nameOf(user, key);
    const { quota } = this.#options;
    const capacity = roundUp(Math.max(sizeBytes, roomBytes));
    this.#charge(user, name, capacity, Math.max(sizeBytes, roomBytes));
    try {
      const view = await this.#allocate(name, capacity);
      setSize(view, sizeBytes);
      return this.#add({ name, user, key, view, storedBytes: 0, twin: this.#twinFor(capacity) });
    } catch (error) {
      account(quota, user, -capacity);
      throw error;
    }
  }

  /**
   * Room for so many bytes: twice what there was where the quota allows it, so that appending is not copying.
   * @throws FaasmError `conflict` while a guest has it mapped; `too_large`, `no_capacity`
   */
  async resize(resident: Resident, neededBytes: number): Promise<void> {
    const { name, user, view: old } = resident;
    const oldBytes = capacityOf(old);
    if (neededBytes <= oldBytes) return;
    const { quota } = this.#options;
    const doubled = Math.min(Math.max(neededBytes, 2 * oldBytes), quota.limits.valueMaxBytes);
    let newBytes = Math.max(roundUp(doubled), roundUp(neededBytes));
    if (charge(quota, user, name, newBytes - oldBytes, neededBytes) !== undefined) {
      newBytes = roundUp(neededBytes);
      this.#charge(user, name, newBytes - oldBytes, neededBytes);
    }
    try {
      if (newBytes <= old.data.length) await this.#raise(resident, newBytes);
      else await this.#replace(resident, newBytes);
    } catch (error) {
      account(quota, user, oldBytes - newBytes);
      throw error;
    }
  }

  /**
   * When it resolves, all that was dirty is durable. @returns the version
   * @throws FaasmError `storage_unavailable`; `lock_lost` once what was written under the lost lock is forgotten
   */
  async push(resident: Resident): Promise<number> {
    try {
      await this.#push(resident);
    } catch (error) {
      // What was written here under a lost lock is not to be written later either.
      if (isLockLost(error)) await this.forget(resident);
      if (!(error instanceof FaasmError) || error.code !== 'precondition_failed') throw error;
      startAnew(resident);
      await this.#push(resident);
    }
    return resident.view.version[0]!;
  }

  async #push(resident: Resident): Promise<void> {
    const { store, fenceOf } = this.#options;
    const value = { ...resident, exclusive: store.exclusive, fence: fenceOf(resident.name) };
    resident.storedBytes = (await pushSegment(store, value)) ?? resident.storedBytes;
  }

  /**
   * Brings in what other hosts have changed since; what was written here and not pushed yet stays. A value that they
   * deleted is dropped, unless something is written here: then it is made anew by the next push.
   * @returns nothing when there is no value any more
   * @throws FaasmError `storage_unavailable`; `conflict` when it has grown and a guest has it mapped
   */
  async refresh(resident: Resident): Promise<Resident | undefined> {
    const { store } = this.#options;
    const { user, key } = resident;
    if (store.exclusive) return resident;
    for (;;) {
      const version = resident.view.version[0]!;
      const changes = await store.changesSince(user, key, version);
      if (changes?.version === version) return resident;
      if (changes !== undefined) await this.#bringIn(resident, changes);
      else if (version === 0) return resident;
      else if (!isDirty(resident.view)) return await this.drop(resident);
      else startAnew(resident);
    }
  }

  async #bringIn(resident: Resident, changes: ValueChanges): Promise<void> {
    const { store } = this.#options;
    const { user, key } = resident;
    const pieces: Piece[] = [];
    for (const { offset, length } of joinRanges(changes.ranges, chunkBytes)) {
      const end = Math.min(offset + length, changes.sizeBytes);
      for (let at = offset; at < end; at += partBytes) {
        // It may be of a later version than was asked about: the next round finds that out.
        const found = await store.get(user, key, at, Math.min(partBytes, end - at));
        if (found !== undefined) pieces.push({ offset: at, bytes: found.bytes });
      }
    }
    await this.resize(resident, changes.sizeBytes);
    const { view } = resident;
    await withMutexLater(view, () => takeChanges(resident, changes, pieces));
  }

  /** Pushes a value and gives its memory back, unless a guest has it mapped. @throws FaasmError `storage_unavailable` */
  async evict(resident: Resident): Promise<boolean> {
    const { view } = resident;
    const retired = await withMutexLater(view, () => {
      if (isMapped(view)) return false;
      retire(view);
      return true;
    });
    if (!retired) return false;
    try {
      await this.push(resident);
    } catch (error) {
      if (isLockLost(error)) return true;
      retire(view, false);
      throw error;
    }
    this.#remove(resident, resident.storedBytes);
    return true;
  }

  /** The value is no more. */
  async drop(resident: Resident): Promise<undefined> {
    await this.#leave(resident, 0);
  }

  /** What was written here and not pushed is given up: the value is what the global tier has. */
  async forget(resident: Resident): Promise<void> {
    await this.#leave(resident, resident.storedBytes);
  }

  async #leave(resident: Resident, keptBytes: number): Promise<void> {
    const { view } = resident;
    await withMutexLater(view, () => retire(view));
    this.#remove(resident, keptBytes);
  }

  /** An executor is gone: what it held is open again. */
  ownerGone(mutexOwner: number): void {
    for (const view of [...this.#mapped, ...[...this.#all.values()].map((resident) => resident.view)]) {
      breakMutex(view, mutexOwner);
      removeMapping(view, mutexOwner);
    }
    this.releaseUnmapped();
  }

  /** Gives back what was retired while it was mapped, once it is not. */
  releaseUnmapped(): void {
    const free = this.#mapped.filter((view) => !isMapped(view));
    this.#mapped = this.#mapped.filter((view) => !free.includes(view));
    for (const view of free) this.#free(view);
  }

  touch(resident: Resident): void {
    this.#all.delete(resident.name);
    this.#all.set(resident.name, resident);
  }

  #add(resident: Resident): Resident {
    this.#all.set(resident.name, resident);
    return resident;
  }

  #remove(resident: Resident, keptBytes: number): void {
    this.#all.delete(resident.name);
    account(this.#options.quota, resident.user, keptBytes - capacityOf(resident.view));
    this.#release(resident.view);
  }

  #charge(user: UserName, name: string, addedBytes: number, valueBytes: number): void {
    const refused = charge(this.#options.quota, user, name, addedBytes, valueBytes);
    if (refused !== undefined) throw refused;
  }

  async #allocate(name: string, sizeBytes: number): Promise<SegmentView> {
    const capacity = roundUp(sizeBytes);
    await this.#makeRoom(name, this.#cost(capacity));
    this.#bytes += this.#cost(capacity);
    try {
      return viewSegment(createSegment(this.#options.allocate(capacity), capacity));
    } catch (error) {
      this.#bytes -= this.#cost(capacity);
      throw error;
    }
  }

  /** More room in the memory that is there. */
  async #raise({ name, view }: Resident, capacityBytes: number): Promise<void> {
    const addedBytes = this.#cost(capacityBytes) - this.#cost(capacityOf(view));
    await this.#makeRoom(name, addedBytes);
    this.#bytes += addedBytes;
    await withMutexLater(view, () => {
      view.words[word.capacity] = capacityBytes;
    });
  }

  async #replace(resident: Resident, capacityBytes: number): Promise<void> {
    const { name, view: old } = resident;
    const view = await this.#allocate(name, capacityBytes);
    try {
      await withMutexLater(old, () => moveInto(view, old, name));
    } catch (error) {
      this.#release(view);
      throw error;
    }
    resident.view = view;
    this.#release(old);
  }

  #release(view: SegmentView): void {
    if (isMapped(view)) this.#mapped.push(view);
    else this.#free(view);
  }

  #free(view: SegmentView): void {
    this.#bytes -= this.#cost(capacityOf(view));
    this.#options.release(view.segment.data);
  }

  /** Drops values that nobody has used for long, oldest first. @throws FaasmError `no_capacity` */
  async #makeRoom(name: string, neededBytes: number): Promise<void> {
    const { powers, residentMaxBytes } = this.#options;
    const endMs = powers.clock.monotonicMs() + busyWaitMs;
    while (this.#lacks(neededBytes, residentMaxBytes)) {
      const someWereBusy = await this.#evictSome(name, neededBytes);
      if (!this.#lacks(neededBytes, residentMaxBytes)) return;
      if (!someWereBusy || powers.clock.monotonicMs() > endMs)
        throw noRoom(name, this.#bytes, residentMaxBytes);
      await powers.timers.sleep(busyPollMs);
    }
  }

  /** @returns whether values were passed over because something is done to them at the moment */
  async #evictSome(name: string, neededBytes: number): Promise<boolean> {
    const { residentMaxBytes, gates } = this.#options;
    let someWereBusy = false;
    const candidates = [...this.#all.values()];
    // A value in use is passed over the first time, as by the hand of a clock.
    for (const passing of [true, false]) {
      // More than is needed at once, for looking at all of them takes time.
      const enoughBytes = passing ? residentMaxBytes * (1 - spareShare) : residentMaxBytes;
      for (const resident of candidates) {
        if (!this.#lacks(neededBytes, enoughBytes)) return false;
        if (resident.name === name || this.#all.get(resident.name) !== resident) continue;
        if (!gates.isIdle(resident.name)) someWereBusy = true;
        else if (passing && takeUsed(resident.view)) this.touch(resident);
        else await gates.run(resident.name, () => this.evict(resident));
      }
    }
    return someWereBusy;
  }

  #twinFor(sizeBytes: number): Twin | undefined {
    return this.#options.store.exclusive || sizeBytes > twinMaxBytes ? undefined : new Twin();
  }

  /** What a value of this capacity takes, its twin included. */
  #cost(capacityBytes: number): number {
    const hasTwin = !this.#options.store.exclusive && capacityBytes <= twinMaxBytes;
    return overheadBytes + (hasTwin ? 2 * capacityBytes : capacityBytes);
  }

  #lacks(neededBytes: number, maxBytes: number): boolean {
    return this.#bytes + neededBytes > maxBytes;
  }

  async #fill(
    view: SegmentView,
    user: UserName,
    key: StateKey,
    first: StoredValue & { bytes: Uint8Array },
  ): Promise<void> {
    const { store } = this.#options;
    view.data.set(first.bytes);
    for (let at = first.bytes.length; at < first.sizeBytes; at += partBytes) {
      const part = await store.get(user, key, at, partBytes);
      if (part?.version !== first.version) {
        throw new FaasmError(
          'conflict',
          `State ${showValue(user, key)} changed while it was read; try again`,
        );
      }
      view.data.set(part.bytes, at);
    }
    view.words[word.size] = first.sizeBytes;
    view.version[0] = first.version;
  }
}

function noRoom(name: string, usedBytes: number, maxBytes: number): FaasmError {
  return new FaasmError(
    'no_capacity',
    `No room in memory for state ${showName(name)}: ${usedBytes} of ${maxBytes} bytes are in use; ` +
      'raise FAASM_STATE_RESIDENT_MAX_BYTES',
    { details: { component: 'state' } },
  );
}

/** Another host deleted it, and here it was written to: all of it is to be pushed. */
function startAnew(resident: Resident): void {
  const { view, twin } = resident;
  twin?.cut(0);
  view.version[0] = 0;
  resident.storedBytes = 0;
  flagDirty(view, 0, sizeOf(view));
}

/** Under the mutex. Where bytes were written here and not pushed yet, they stay. */
function takeChanges(resident: Resident, changes: ValueChanges, pieces: readonly Piece[]): void {
  const { view, twin, storedBytes } = resident;
  const size = sizeOf(view);
  const newSize = size === storedBytes ? changes.sizeBytes : Math.max(size, changes.sizeBytes);
  for (const piece of pieces) takePiece(view, twin, piece);
  twin?.cut(changes.sizeBytes);
  if (newSize < size) view.data.fill(0, newSize, size);
  view.words[word.size] = newSize;
  view.version[0] = changes.version;
  resident.storedBytes = changes.sizeBytes;
}

function takePiece(view: SegmentView, twin: Twin | undefined, { offset, bytes }: Piece): void {
  const end = Math.min(offset + bytes.length, capacityOf(view));
  for (let at = offset; at < end; ) {
    const next = Math.min(end, (Math.floor(at / chunkBytes) + 1) * chunkBytes);
    const part: Piece = { offset: at, bytes: bytes.subarray(at - offset, next - offset) };
    at = next;
    if (isDirtyAt(view, part.offset) || (twin !== undefined && isMapped(view))) twin?.merge(part, view.data);
    else {
      view.data.set(part.bytes, part.offset);
      twin?.set(part);
    }
  }
}

/** Under the old one's mutex. */
function moveInto(view: SegmentView, old: SegmentView, name: string): void {
  if (isMapped(old)) {
    throw new FaasmError(
      'conflict',
      `State ${showName(name)} cannot grow while a function has it mapped; open it with its final size`,
      { details: { component: 'state' } },
    );
  }
  retire(old);
  const size = sizeOf(old);
  view.data.set(old.data.subarray(0, size));
  view.words[word.size] = size;
  view.version[0] = old.version[0]!;
  view.words.set(old.words.subarray(word.dirtyBits), word.dirtyBits);
  view.words[word.dirty] = old.words[word.dirty]!;
}

function roundUp(bytes: number): number {
  return Math.max(pageBytes, Math.ceil(bytes / pageBytes) * pageBytes);
}
