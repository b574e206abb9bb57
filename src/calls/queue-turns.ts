/** Calls that are ready, by user: users take turns, each user's calls go in the order they came. Pure. */
import type { CallId, UserName } from '../../proto/names.ts';

export class Turns {
  /** The order of users is that of their turns; a set keeps the order of its ids. */
  readonly #users = new Map<UserName, Set<CallId>>();
  readonly #userOf = new Map<CallId, UserName>();

  get size(): number {
    return this.#userOf.size;
  }

  add(user: UserName, id: CallId): void {
    const ids = this.#users.get(user);
    if (ids === undefined) this.#users.set(user, new Set([id]));
    else ids.add(id);
    this.#userOf.set(id, user);
  }

  /** The first call of the user whose turn it is. */
  take(): { readonly user: UserName; readonly id: CallId } | undefined {
    for (const [user, ids] of this.#users) {
      for (const id of ids) {
        ids.delete(id);
        this.#userOf.delete(id);
        this.#users.delete(user);
        if (ids.size > 0) this.#users.set(user, ids);
        return { user, id };
      }
    }
    return undefined;
  }

  /** @returns whose it was; nothing: it is not here */
  remove(id: CallId): UserName | undefined {
    const user = this.#userOf.get(id);
    if (user === undefined) return undefined;
    this.#userOf.delete(id);
    const ids = this.#users.get(user);
    ids?.delete(id);
    if (ids?.size === 0) this.#users.delete(user);
    return user;
  }
}
