/** The functions of a store, as this host knows them, and the changes that other hosts make. */
import type { FunctionDescription } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { FunctionStore, KeptFunction } from './port.ts';

export interface KnownFunctionsOptions {
  readonly store: FunctionStore;
  /** Another host has changed it. */
  onChange(description: FunctionDescription): void;
  /** Another host has deleted it. @param before as it was */
  onGone(before: FunctionDescription): void;
  /** It cannot be read; the others can. */
  onDamaged(user: UserName, name: FunctionName, error: unknown): void;
}

/** Descriptions that are read beside each other. */
const readsAtOnce = 16;

export class KnownFunctions {
  readonly #options: KnownFunctionsOptions;
  readonly #known = new Map<string, KeptFunction>();
  /** Tags of what cannot be read, which is said once. */
  readonly #damaged = new Map<string, string>();

  constructor(options: KnownFunctionsOptions) {
    this.#options = options;
  }

  get(user: UserName, name: FunctionName): KeptFunction | undefined {
    return this.#known.get(`${user}/${name}`);
  }

  all(): FunctionDescription[] {
    return [...this.#known.values()].map(({ description }) => description);
  }

  /** It is there, and cannot be read. */
  isDamaged(user: UserName, name: FunctionName): boolean {
    return this.#damaged.has(`${user}/${name}`);
  }

  /** What these have is not known. */
  get hasDamaged(): boolean {
    return this.#damaged.size > 0;
  }

  /** What this host has written. */
  set(kept: KeptFunction): void {
    const { user, name } = kept.description;
    this.#damaged.delete(`${user}/${name}`);
    this.#known.set(`${user}/${name}`, kept);
  }

  delete(user: UserName, name: FunctionName): void {
    this.#known.delete(`${user}/${name}`);
    this.#damaged.delete(`${user}/${name}`);
  }

  /** All of them as the store has them now. @throws FaasmError `storage_unavailable` */
  async refresh(): Promise<void> {
    const listed = await this.#options.store.list();
    const tags = new Map(listed.map(({ user, name, tag }) => [`${user}/${name}`, tag]));
    for (const { description } of [...this.#known.values()]) {
      const { user, name } = description;
      if (!tags.has(`${user}/${name}`)) this.#forget(user, name);
    }
    for (const name of this.#damaged.keys()) if (!tags.has(name)) this.#damaged.delete(name);
    const changed = listed.filter(({ user, name, tag }) => this.get(user, name)?.tag !== tag);
    const reading = changed.values();
    const readOn = async (): Promise<void> => {
      for (const { user, name, tag } of reading) {
        await this.look(user, name).catch((error: unknown) => {
          if (this.#damaged.get(`${user}/${name}`) === tag) return;
          this.#damaged.set(`${user}/${name}`, tag);
          this.#options.onDamaged(user, name, error);
        });
      }
    };
    await Promise.all(Array.from({ length: readsAtOnce }, readOn));
  }

  /** One of them as the store has it now. @throws FaasmError `storage_unavailable` */
  async look(user: UserName, name: FunctionName): Promise<KeptFunction | undefined> {
    const before = this.get(user, name);
    const found = await this.#options.store.read(user, name);
    // This host may have changed it since.
    if (this.get(user, name) !== before) return this.get(user, name);
    if (found === undefined) this.#forget(user, name);
    else if (found.tag !== before?.tag) {
      this.set(found);
      this.#options.onChange(found.description);
    }
    return found;
  }

  #forget(user: UserName, name: FunctionName): void {
    this.#damaged.delete(`${user}/${name}`);
    const before = this.get(user, name);
    if (before === undefined) return;
    this.#known.delete(`${user}/${name}`);
    this.#options.onGone(before.description);
  }
}
