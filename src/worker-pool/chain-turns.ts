/**
 * Chained calls that wait to be made, so that no tree of calls takes all of a host: users have their turns, and the
 * trees of a user have theirs. Of a tree the latest goes first, which is the deepest: a tree that only grows then waits
 * as a path through it, where the oldest first would be all of its width.
 */
import type { CallId, UserName } from '../../proto/names.ts';

export interface Waiting {
  readonly user: UserName;
  readonly root: CallId;
  readonly parent: CallId;
}

export class ChainTurns<T extends Waiting> {
  /** Both in the order of turns. */
  readonly #byUser = new Map<UserName, Map<CallId, T[]>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param calls of one parent, which are taken in this order */
  add(calls: readonly T[]): void {
    for (const call of calls.toReversed()) {
      let trees = this.#byUser.get(call.user);
      if (trees === undefined) this.#byUser.set(call.user, (trees = new Map()));
      const waiting = trees.get(call.root);
      if (waiting === undefined) trees.set(call.root, [call]);
      else waiting.push(call);
      this.#size++;
    }
  }

  /** The next call of a user who may make one. */
  take(may: (user: UserName) => boolean): T | undefined {
    for (const [user, trees] of this.#byUser) {
      if (!may(user)) continue;
      const [[root, waiting]] = trees as unknown as [[CallId, T[]]];
      const call = waiting.pop()!;
      this.#size--;
      trees.delete(root);
      if (waiting.length > 0) trees.set(root, waiting);
      this.#byUser.delete(user);
      if (trees.size > 0) this.#byUser.set(user, trees);
      return call;
    }
    return undefined;
  }

  /** Takes out the calls of a tree, of one parent or all. */
  drop(user: UserName, root: CallId, parent?: CallId): T[] {
    const trees = this.#byUser.get(user);
    const waiting = trees?.get(root);
    if (trees === undefined || waiting === undefined) return [];
    const isDropped = (call: T): boolean => parent === undefined || call.parent === parent;
    const left = waiting.filter((call) => !isDropped(call));
    this.#size -= waiting.length - left.length;
    if (left.length > 0) trees.set(root, left);
    else trees.delete(root);
    if (trees.size === 0) this.#byUser.delete(user);
    return waiting.filter(isDropped);
  }
}
