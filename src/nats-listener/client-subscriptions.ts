/** What one client has subscribed to, by the ids that it gave its subscriptions. */
import type { BusMessage, HostBus, Subscription } from '../bus/port.ts';
import type { Quotas } from './quotas.ts';

export interface ClientSubscriptionsOptions {
  readonly bus: HostBus;
  /** Whose subscriptions they are: what it publishes itself without an echo does not come back by them. */
  readonly origin: object;
  readonly quotas: Quotas;
  /** Whether a pattern counts among those that hear the system's own messages. */
  listensIn(pattern: string): boolean;
  /** @returns whether it counts as a delivery */
  deliver(sid: string, message: BusMessage): boolean;
}

interface ClientSubscription {
  readonly sid: string;
  readonly listensIn: boolean;
  subscription: Subscription | undefined;
  /** In all; 0 without an end. */
  max: number;
  delivered: number;
}

export class ClientSubscriptions {
  readonly #options: ClientSubscriptionsOptions;
  readonly #all = new Map<string, ClientSubscription>();

  constructor(options: ClientSubscriptionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  /** An id that is taken keeps the subscription that it has. @returns false where there is no room for another */
  subscribe(sid: string, subject: string, queue: string | undefined): boolean {
    if (this.#all.has(sid)) return true;
    const { bus, origin, quotas } = this.#options;
    const listensIn = this.#options.listensIn(subject);
    if (!quotas.takeSubscription(listensIn)) return false;
    const own: ClientSubscription = { sid, listensIn, subscription: undefined, max: 0, delivered: 0 };
    this.#all.set(sid, own);
    own.subscription = bus.subscribe(subject, (message) => this.#deliver(own, message), {
      ...(queue !== undefined && { queue }),
      origin,
    });
    return true;
  }

  /** @param max deliveries in all, after which it ends; 0 ends it now */
  unsubscribe(sid: string, max: number): void {
    const own = this.#all.get(sid);
    if (own === undefined) return;
    own.max = max;
    if (max <= own.delivered) this.#drop(own);
  }

  end(): void {
    for (const own of this.#all.values()) this.#drop(own);
  }

  #deliver(own: ClientSubscription, message: BusMessage): void {
    if (this.#options.deliver(own.sid, message) && ++own.delivered === own.max) this.#drop(own);
  }

  #drop(own: ClientSubscription): void {
    this.#all.delete(own.sid);
    own.subscription?.unsubscribe();
    this.#options.quotas.freeSubscription(own.listensIn);
  }
}
