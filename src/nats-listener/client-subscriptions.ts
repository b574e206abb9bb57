/** What one client has subscribed to, by the ids that it gave its subscriptions. */
import type { BusMessage, HostBus, Subscription } from '../bus/port.ts';

export interface ClientSubscriptionsOptions {
  readonly bus: HostBus;
  /** Whose subscriptions they are: what it publishes itself without an echo does not come back by them. */
  readonly origin: object;
  /** @returns whether it counts as a delivery */
  deliver(sid: string, message: BusMessage): boolean;
}

interface ClientSubscription {
  readonly sid: string;
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

  /** An id that is taken keeps the subscription that it has. */
  subscribe(sid: string, subject: string, queue: string | undefined): void {
    if (this.#all.has(sid)) return;
    const { bus, origin } = this.#options;
    const own: ClientSubscription = { sid, subscription: undefined, max: 0, delivered: 0 };
    this.#all.set(sid, own);
    own.subscription = bus.subscribe(subject, (message) => this.#deliver(own, message), {
      ...(queue !== undefined && { queue }),
      origin,
    });
  }

  /** @param max deliveries in all, after which it ends; 0 ends it now */
  unsubscribe(sid: string, max: number): void {
    const own = this.#all.get(sid);
    if (own === undefined) return;
    own.max = max;
    if (max <= own.delivered) this.#drop(own);
  }

  end(): void {
    for (const { subscription } of this.#all.values()) subscription?.unsubscribe();
    this.#all.clear();
  }

  #deliver(own: ClientSubscription, message: BusMessage): void {
    if (this.#options.deliver(own.sid, message) && ++own.delivered === own.max) this.#drop(own);
  }

  #drop(own: ClientSubscription): void {
    this.#all.delete(own.sid);
    own.subscription?.unsubscribe();
  }
}
