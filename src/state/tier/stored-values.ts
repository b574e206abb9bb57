/**
 * Values as the global tier has them, changed there and charged to their users.
 *
 * Owns: what each user is known to have
 * Never: looks at what is in memory
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { StateKey, UserName } from '../../../proto/names.ts';
import { account, charge, isKnown, learn, type Quota } from '../core/quota.ts';
import { nameOf } from '../core/value-name.ts';
import type { StateStore, StoredValue, ValueChange, WriteCondition } from '../stores/port.ts';
import { partBytes } from './push-segment.ts';
import { endOf, startOf, type WritePlace } from './write-place.ts';

export class StoredValues {
  readonly #store: StateStore;
  readonly #quota: Quota;

  constructor(store: StateStore, quota: Quota) {
    this.#store = store;
    this.#quota = quota;
  }

  /** Makes sure of what the user has, before anything is charged. */
  async knowUsage(user: UserName): Promise<void> {
    if (!isKnown(this.#quota, user)) learn(this.#quota, user, await this.#store.usage(user));
  }

  /** @throws FaasmError `precondition_failed`, `too_large`, `storage_unavailable` */
  async write(
    user: UserName,
    key: StateKey,
    place: WritePlace,
    bytes: Uint8Array,
    condition: WriteCondition,
  ): Promise<StoredValue> {
    const before = await this.#sizeBytes(user, key);
    const end = endOf(place, before, bytes.length);
    const after = place === 'whole' ? end : Math.max(before, end);
    const refused = charge(this.#quota, user, nameOf(user, key), after - before, after);
    if (refused !== undefined) throw refused;
    try {
      return await this.put(user, key, place, bytes, condition);
    } catch (error) {
      account(this.#quota, user, before - after);
      throw error;
    }
  }

  /** The same for a value that is in memory as well: it is charged there, by its room. */
  put(
    user: UserName,
    key: StateKey,
    place: WritePlace,
    bytes: Uint8Array,
    condition: WriteCondition,
  ): Promise<StoredValue> {
    if (place === 'end') return this.#store.append(user, key, bytes, condition);
    if (place === 'whole' && bytes.length > partBytes) return this.#putLarge(user, key, bytes, condition);
    const pieces = [{ offset: startOf(place, 0), bytes }];
    const end = endOf(place, 0, bytes.length);
    const change: ValueChange =
      place === 'whole' ? { pieces, sizeBytes: end } : { pieces, minSizeBytes: end };
    return this.#store.write(user, key, change, condition);
  }

  /** @returns whether there was one @throws FaasmError `precondition_failed`, `storage_unavailable` */
  async delete(user: UserName, key: StateKey, condition: WriteCondition): Promise<boolean> {
    const before = await this.#sizeBytes(user, key);
    const deleted = await this.#store.delete(user, key, condition);
    if (deleted) account(this.#quota, user, -before);
    return deleted;
  }

  /** A staged upload becomes the value. @throws FaasmError as `write` does */
  async commit(
    user: UserName,
    key: StateKey,
    upload: string,
    sizeBytes: number,
    condition: WriteCondition,
  ): Promise<StoredValue> {
    const before = await this.#sizeBytes(user, key);
    const committed = await this.#store.commit(user, key, upload, sizeBytes, condition);
    account(this.#quota, user, sizeBytes - before);
    return committed;
  }

  /** A value whose record is damaged counts for nothing, so that it can be replaced and deleted. */
  async #sizeBytes(user: UserName, key: StateKey): Promise<number> {
    try {
      return (await this.#store.describe(user, key))?.sizeBytes ?? 0;
    } catch (error) {
      if (error instanceof FaasmError && error.code === 'storage_corrupt') return 0;
      throw error;
    }
  }

  /** In parts, so that the store is not kept from others for long; the value is changed in one step. */
  async #putLarge(
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
