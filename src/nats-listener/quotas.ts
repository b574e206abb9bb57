/**
 * What all clients of a listener may have together: what one message can set off, and the memory that is held for
 * clients who are slow to read, or to say what they began.
 */
export interface QuotaLimits {
  /** Of all clients: a message is written once for each that matches. */
  readonly subscriptionsMax: number;
  /** Of these, those that hear the system's own messages, which each call has several of. */
  readonly listeningMax: number;
  readonly pendingMaxBytes: number;
}

/** Whose memory it is; cut off when it holds the most while there is too much of it. */
export interface Holder {
  cutOff(): void;
}

export class Quotas {
  readonly #limits: QuotaLimits;
  readonly #pending = new Map<Holder, number>();
  #pendingBytes = 0;
  #subscriptions = 0;
  #listening = 0;

  constructor(limits: QuotaLimits) {
    this.#limits = limits;
  }

  /** False where there is no room for another. */
  takeSubscription(listensIn: boolean): boolean {
    const { subscriptionsMax, listeningMax } = this.#limits;
    if (this.#subscriptions >= subscriptionsMax || (listensIn && this.#listening >= listeningMax))
      return false;
    this.#subscriptions++;
    if (listensIn) this.#listening++;
    return true;
  }

  freeSubscription(listensIn: boolean): void {
    this.#subscriptions--;
    if (listensIn) this.#listening--;
  }

  /** Says how much is held for a client now; 0 when it has left. */
  hold(holder: Holder, bytes: number): void {
    this.#pendingBytes += bytes - (this.#pending.get(holder) ?? 0);
    if (bytes === 0) this.#pending.delete(holder);
    else this.#pending.set(holder, bytes);
    if (this.#pendingBytes > this.#limits.pendingMaxBytes) this.#largest()?.cutOff();
  }

  #largest(): Holder | undefined {
    let largest: Holder | undefined;
    let most = 0;
    for (const [holder, bytes] of this.#pending) {
      if (bytes > most) [largest, most] = [holder, bytes];
    }
    return largest;
  }
}
