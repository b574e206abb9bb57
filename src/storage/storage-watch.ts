/** Watches the stores of a host: damage is counted and logged, and on a full disk what would grow is refused. */
import { FaasmError } from '../../proto/errors.ts';
import type { Log } from '../log.ts';
import type { DiskRoom } from './disk-room.ts';

export interface WatchedStore<Store> {
  readonly component: string;
  readonly store: Store;
  /** The methods that need room on this disk. */
  readonly grows: readonly (keyof Store)[];
}

export class StorageWatch {
  readonly #room: DiskRoom;
  readonly #log: (component: string) => Log;
  readonly #damage = new Map<string, number>();

  constructor(room: DiskRoom, log: (component: string) => Log) {
    this.#room = room;
    this.#log = log;
  }

  /** The same store, watched. */
  watch<Store extends object>({ component, store, grows }: WatchedStore<Store>): Store {
    this.#damage.set(component, 0);
    const growing = new Set<string | symbol>(grows as readonly string[]);
    return new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (growing.has(name)) {
            try {
              this.#room.check();
            } catch (error) {
              return Promise.reject(error);
            }
          }
          const result: unknown = member.apply(target, args);
          if (result instanceof Promise) result.catch((error) => this.failed(component, error));
          return result;
        };
      },
    });
  }

  failed(component: string, thrown: unknown): void {
    this.#room.failed(thrown);
    if (!(thrown instanceof FaasmError) || thrown.code !== 'storage_corrupt') return;
    this.#damage.set(component, (this.#damage.get(component) ?? 0) + 1);
    this.#log(component).error({ err: thrown }, 'what is kept is damaged');
  }

  /** How often damage was found, by component. */
  damage(): Iterable<readonly [component: string, count: number]> {
    return this.#damage;
  }
}
