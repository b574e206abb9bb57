/**
 * Which values are in this host's shared memory.
 *
 * Owns: the values there, in the order of their use, and the memory they take
 * Never: decides where a value is read or written, or in which order things are done to it. `values.ts` does, and calls
 *        all of this under the value's gate; it knows a value here as a `Resident`, and nothing of its segment.
 */
import type { StateKey, UserName } from '../../../proto/names.ts';
import type { Gates } from '../../bus/gates.ts';
import { account, charge } from '../core/quota.ts';
import { nameOf } from '../core/value-name.ts';
import { fillSegment } from './pull-segment.ts';
import { partBytes } from './push-segment.ts';
import { Resident, type ResidentOptions } from './resident.ts';
import { capacityOf, setSize } from './segment.ts';
import { roundUp, SegmentMemory, type SegmentMemoryOptions } from './segment-memory.ts';

export interface ResidentsOptions
  extends Pick<ResidentOptions, 'store' | 'quota' | 'fenceOf'>,
    Pick<SegmentMemoryOptions, 'powers' | 'allocate' | 'release'> {
  readonly gates: Gates;
  readonly residentMaxBytes: number;
}

/** Of the memory for values, what is freed at once when it is used up, for looking at all of them takes time. */
const spareShare = 0.1;

export class Residents {
  readonly #options: ResidentsOptions;
  readonly #memory: SegmentMemory;
  readonly #ofResident: ResidentOptions;
  /** In the order of their last use, as far as it is known. */
  readonly #all = new Map<string, Resident>();

  constructor(options: ResidentsOptions) {
    const { residentMaxBytes: maxBytes, store } = options;
    this.#options = options;
    this.#memory = new SegmentMemory({
      ...options,
      maxBytes,
      exclusive: store.exclusive,
      evictSome: (name, lacks) => this.#evictSome(name, lacks),
    });
    this.#ofResident = {
      ...options,
      memory: this.#memory,
      onLeave: ({ name }) => this.#all.delete(name),
    };
  }

  get(name: string): Resident | undefined {
    return this.#all.get(name);
  }

  names(): string[] {
    return [...this.#all.keys()];
  }

  /** Those with something to push. */
  dirty(): Resident[] {
    return [...this.#all.values()].filter(({ isDirty }) => isDirty);
  }

  /** Brings a value in, if there is one. @throws FaasmError `no_capacity`, `storage_unavailable` */
  async load(user: UserName, key: StateKey): Promise<Resident | undefined> {
    const { store, quota } = this.#options;
    const first = await store.get(user, key, 0, partBytes);
    if (first === undefined) return undefined;
    const view = await this.#memory.allocate(nameOf(user, key), first.sizeBytes);
    try {
      await fillSegment(store, view, user, key, first);
    } catch (error) {
      this.#memory.release(view);
      throw error;
    }
    account(quota, user, capacityOf(view) - first.sizeBytes);
    return this.#add(new Resident(this.#ofResident, user, key, view, first.sizeBytes));
  }

  /** Makes a value of zeros, which is dirty from the start. @throws FaasmError `too_large`, `no_capacity` */
  async create(user: UserName, key: StateKey, sizeBytes: number, roomBytes: number): Promise<Resident> {
    const { quota } = this.#options;
    const name = nameOf(user, key);
    const wantedBytes = Math.max(sizeBytes, roomBytes);
    const capacity = roundUp(wantedBytes);
    const refused = charge(quota, user, name, capacity, wantedBytes);
    if (refused !== undefined) throw refused;
    try {
      const view = await this.#memory.allocate(name, capacity);
      setSize(view, sizeBytes);
      return this.#add(new Resident(this.#ofResident, user, key, view, 0));
    } catch (error) {
      account(quota, user, -capacity);
      throw error;
    }
  }

  touch(resident: Resident): void {
    this.#all.delete(resident.name);
    this.#all.set(resident.name, resident);
  }

  /** Some memory waits for guests to give it back. */
  get hasMapped(): boolean {
    return this.#memory.hasMapped;
  }

  /** Gives back what was retired while it was mapped, once it is not. */
  releaseUnmapped(): void {
    this.#memory.releaseUnmapped();
  }

  /** An executor is gone: what it held is open again. */
  ownerGone(mutexOwner: number): void {
    const views = [...this.#all.values()].map(({ view }) => view);
    this.#memory.ownerGone(mutexOwner, views);
  }

  #add(resident: Resident): Resident {
    this.#all.set(resident.name, resident);
    return resident;
  }

  /** Pushes and drops values that nobody has used for long, oldest first. */
  async #evictSome(name: string, lacks: (spareShare: number) => boolean): Promise<boolean> {
    const { gates } = this.#options;
    let someWereBusy = false;
    const candidates = [...this.#all.values()];
    // A value in use is passed over the first time, as by the hand of a clock.
    for (const passing of [true, false]) {
      for (const resident of candidates) {
        if (!lacks(passing ? spareShare : 0)) return false;
        if (resident.name === name || this.#all.get(resident.name) !== resident) continue;
        if (!gates.isIdle(resident.name)) someWereBusy = true;
        else if (passing && resident.takeUsed()) this.touch(resident);
        else await gates.run(resident.name, () => resident.evict());
      }
    }
    return someWereBusy;
  }
}
