/**
 * All values of this host, wherever they are: in shared memory when an executor has opened them, else in the global
 * tier alone. Reads and writes from outside go where the value is, so that they and the guests see each other at once.
 *
 * Owns: the order: what is done to one value is done one after the other, and answered after it is durable
 * Never: touches a segment. What is in memory is a `Resident` of `residents.ts`, and does it itself.
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { StateKey, UserName } from '../../../proto/names.ts';
import { Gates } from '../../bus/gates.ts';
import { checkCondition, isConditional, isLockLost, lockLost, unconditional } from '../core/condition.ts';
import { nameOf, showName } from '../core/value-name.ts';
import type { StateStore, StoredBytes, StoredKey, StoredValue, WriteCondition } from '../stores/port.ts';
import type { OpenRequest } from './messages.ts';
import type { Resident } from './resident.ts';
import { Residents, type ResidentsOptions } from './residents.ts';
import type { Segment } from './segment.ts';
import { StoredValues } from './stored-values.ts';
import { endOf, type WritePlace } from './write-place.ts';

export interface ValuesOptions extends Omit<ResidentsOptions, 'gates'> {
  /** Whether the lock that this host's own table granted with this number is held still. */
  readonly isHeld: (name: string, fence: number) => boolean;
  /** This value has something to push, and nobody is about to do it. */
  readonly onDirty: (name: string) => void;
}

/** A larger value of a shared store comes into memory only when a guest asks for a pointer to it, or writes to it asynchronously. */
const wholeMaxBytes = 256 * 1024 * 1024;

export class Values {
  readonly #options: ValuesOptions;
  readonly #store: StateStore;
  readonly gates = new Gates();
  readonly stored: StoredValues;
  readonly residents: Residents;

  constructor(options: ValuesOptions) {
    this.#options = options;
    this.#store = options.store;
    this.stored = new StoredValues(options.store, options.quota);
    this.residents = new Residents({ ...options, gates: this.gates });
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
        const isWhole = resident !== undefined && resident.sizeBytes >= Math.max(totalBytes, roomBytes);
        return isWhole ? resident!.segment : 'direct';
      }
      if (resident === undefined && mode === 'extend') {
        resident = await this.residents.create(user, key, totalBytes, roomBytes);
        this.#options.onDirty(name);
      }
      if (resident === undefined) return undefined;
      this.residents.touch(resident);
      await resident.reserve(roomBytes);
      if (mode === 'extend' && (await resident.extend(totalBytes))) this.#options.onDirty(name);
      return resident.segment;
    });
  }

  /** The shared memory with room for so many bytes, for an executor that is about to write them. */
  resize(user: UserName, key: StateKey, roomBytes: number): Promise<Segment | undefined> {
    return this.#alone(user, key, async () => {
      const resident = await this.#resident(user, key, false);
      await resident?.reserve(roomBytes);
      return resident?.segment;
    });
  }

  /**
   * Pushes what was written under a lock that is about to be given back. It is kept now or never: later, others may
   * have the lock. @throws FaasmError `storage_unavailable`
   */
  async settle(name: string): Promise<void> {
    await this.#inMemory(name, async (resident) => {
      try {
        await resident.push();
      } catch (error) {
        if (!isLockLost(error) && this.#options.fenceOf(name) !== undefined) await resident.forget();
        throw error;
      }
    });
  }

  /** When it resolves, all that was written to the value before is durable. @throws FaasmError `storage_unavailable` */
  push(user: UserName, key: StateKey): Promise<void> {
    return this.#alone(user, key, async (name) => {
      await this.residents.get(name)?.push();
    });
  }

  /** The same for a value by its name. */
  pushNamed(name: string): Promise<void> {
    return this.#inMemory(name, (resident) => resident.push());
  }

  /** Another host has changed it. */
  refreshNamed(name: string): Promise<void> {
    return this.#inMemory(name, (resident) => resident.refresh());
  }

  /** A range with the size and version of the whole; the range is cut off at the end. */
  read(user: UserName, key: StateKey, offset: number, length: number): Promise<StoredBytes | undefined> {
    return this.#alone(user, key, async (name) => {
      const resident = await this.#newest(name);
      if (resident === undefined) return await this.#store.get(user, key, offset, length);
      return await resident.read(offset, length);
    });
  }

  describe(user: UserName, key: StateKey): Promise<StoredValue | undefined> {
    return this.#alone(user, key, async (name) => {
      const resident = await this.#newest(name);
      if (resident === undefined) return await this.#store.describe(user, key);
      const { sizeBytes, version } = await resident.read(0, 0);
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
      const resident = this.residents.get(name);
      if (resident === undefined) return await this.stored.write(user, key, place, bytes, condition);
      if (this.#store.exclusive) return await this.#writeResident(resident, place, bytes, condition);
      // What was written here before comes before it for other hosts too.
      await resident.push();
      await resident.reserve(endOf(place, resident.sizeBytes, bytes.length));
      const stored = await this.stored.put(user, key, place, bytes, condition);
      await resident.refresh();
      return stored;
    });
  }

  /** @throws FaasmError `not_found`, `precondition_failed`, `storage_unavailable` */
  delete(user: UserName, key: StateKey, condition: WriteCondition): Promise<void> {
    return this.#alone(user, key, async (name) => {
      this.#checkFence(name, condition);
      const resident = this.residents.get(name);
      if (resident !== undefined) {
        if (isConditional(condition)) await resident.push();
        await this.#store.delete(user, key, condition);
        await resident.drop();
      } else if (!(await this.stored.delete(user, key, condition))) {
        throw new FaasmError('not_found', `No state ${showName(name)}`, { details: { component: 'state' } });
      }
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
      const resident = this.residents.get(name);
      if (resident !== undefined && !(await resident.evict())) {
        throw new FaasmError(
          'conflict',
          `State ${showName(name)} cannot be replaced while a function has it mapped; try again`,
        );
      }
      return await this.stored.commit(user, key, upload, sizeBytes, condition);
    });
  }

  /** In the order of the token form, those after `after`; what was written before is in it. */
  async list(user: UserName, after: StateKey | undefined, limit: number): Promise<readonly StoredKey[]> {
    const written = this.residents.dirty().filter((resident) => resident.user === user);
    for (const { name } of written) await this.pushNamed(name);
    return await this.#store.list(user, after, limit);
  }

  /** Where locks are this host's, its own table says what is held; else the store looks, as it makes the change. */
  #checkFence(name: string, { fence }: WriteCondition): void {
    if (fence === undefined || this.#store.locks !== undefined || this.#options.isHeld(name, fence)) return;
    throw lockLost(name);
  }

  async #alone<T>(user: UserName, key: StateKey, work: (name: string) => Promise<T>): Promise<T> {
    await this.stored.knowUsage(user);
    const name = nameOf(user, key);
    return await this.gates.run(name, async () => {
      try {
        return await work(name);
      } catch (error) {
        if (!isLockLost(error)) throw error;
        // What was to be pushed under the lost lock is dropped now, and stands in nobody else's way.
        return await work(name);
      }
    });
  }

  /** Does it to a value that is in memory, and is still when its turn comes. */
  async #inMemory(name: string, work: (resident: Resident) => Promise<unknown>): Promise<void> {
    const known = this.residents.get(name);
    if (known === undefined) return;
    await this.#alone(known.user, known.key, async () => {
      const resident = this.residents.get(name);
      if (resident !== undefined) await work(resident);
    });
  }

  async #resident(user: UserName, key: StateKey, fresh: boolean): Promise<Resident | undefined> {
    const resident = this.residents.get(nameOf(user, key));
    if (resident === undefined) return await this.residents.load(user, key);
    return !fresh || (await resident.refresh()) ? resident : undefined;
  }

  /** Where other hosts write too, a range of a large value is read where it is, rather than all of it brought here. */
  async #isTooLarge(user: UserName, key: StateKey): Promise<boolean> {
    if (this.#store.exclusive || this.residents.get(nameOf(user, key)) !== undefined) return false;
    const stored = await this.#store.describe(user, key);
    return stored !== undefined && stored.sizeBytes > wholeMaxBytes;
  }

  /** What is in memory, with what other hosts have changed. */
  async #newest(name: string): Promise<Resident | undefined> {
    const resident = this.residents.get(name);
    return (await resident?.refresh()) === true ? resident : undefined;
  }

  async #writeResident(
    resident: Resident,
    place: WritePlace,
    bytes: Uint8Array,
    condition: WriteCondition,
  ): Promise<StoredValue> {
    const { name } = resident;
    if (isConditional(condition)) checkCondition((await resident.push()).version, condition, name);
    await resident.write(place, bytes, () => {
      if (typeof condition.expectVersion === 'number' && resident.isDirty) {
        throw new FaasmError(
          'precondition_failed',
          `State ${showName(name)} was changed by a function meanwhile`,
        );
      }
      // As late as can be: whoever has the lock next reads this memory.
      this.#checkFence(name, condition);
    });
    try {
      return await resident.push();
    } catch (error) {
      this.#options.onDirty(name);
      throw error;
    }
  }
}
