/**
 * Tells all hosts of something, and knows when every one of them has heard it. Which hosts there are is known by their
 * heartbeats; one that falls silent is not waited for.
 */
import type { ControlSubjects } from '../../proto/control-subjects.ts';
import type { HostId } from '../../proto/names.ts';
import { type Body, type Bus, type BusMessage, respond, toBytes } from '../bus/port.ts';
import type { Powers, Timer } from '../power/port.ts';
import { readHostStatus } from '../scheduler/messages.ts';

export interface AnnouncerOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly bus: Bus;
  readonly control: ControlSubjects;
  readonly host: HostId;
  /** A host that was silent for so long is gone. */
  readonly hostSilentMs: number;
}

const checkMs = 200;

export class Announcer {
  readonly #options: AnnouncerOptions;
  /** When each of the others was heard, by a clock that only counts up. */
  readonly #others = new Map<string, number>();
  readonly #waiting = new Map<string, { readonly missing: Set<string>; heard(): void }>();
  readonly #subscriptions: readonly { unsubscribe(): void }[];
  readonly #timer: Timer;
  #last = 0;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    const { powers, bus, control, host } = options;
    this.#subscriptions = [
      bus.subscribe(control.status('*'), (message) => this.#onStatus(message)),
      bus.subscribe(control.heard(host, '*'), (message) => {
        const tale = message.subject.slice(message.subject.lastIndexOf('.') + 1);
        this.#settle(tale, Buffer.from(toBytes(message.body)).toString('latin1'));
      }),
    ];
    this.#timer = powers.timers.every(checkMs, () => this.#forgetSilent()).unref();
  }

  /** Resolves when all hosts that can be reached have heard it. */
  announce(subject: string, body: Body): Promise<void> {
    const { bus, control, host } = this.#options;
    const tale = String(++this.#last);
    const { promise, resolve } = Promise.withResolvers<void>();
    const missing = new Set(this.#others.keys());
    if (missing.size === 0) resolve();
    else this.#waiting.set(tale, { missing, heard: resolve });
    bus.tell(subject, body, { reply: control.heard(host, tale) });
    return promise;
  }

  /** What a host does that has heard something, when all of its actors have. */
  confirm(message: BusMessage): void {
    const { bus, host } = this.#options;
    // The other handlers of the message are called before.
    queueMicrotask(() => respond(bus, message, Buffer.from(host, 'latin1')));
  }

  /** Nobody is waited for any more. */
  close(): void {
    this.#options.powers.timers.cancel(this.#timer);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    for (const { heard } of this.#waiting.values()) heard();
    this.#others.clear();
  }

  #onStatus(message: BusMessage): void {
    const { host, phase } = readHostStatus(message);
    if (host === this.#options.host) return;
    if (phase === 'gone') this.#forget(host);
    else this.#others.set(host, this.#options.powers.clock.monotonicMs());
  }

  #forgetSilent(): void {
    const { powers, hostSilentMs } = this.#options;
    const silentSinceMs = powers.clock.monotonicMs() - hostSilentMs;
    for (const [host, heardMs] of this.#others) if (heardMs < silentSinceMs) this.#forget(host);
  }

  #forget(host: string): void {
    this.#others.delete(host);
    for (const tale of this.#waiting.keys()) this.#settle(tale, host);
  }

  #settle(tale: string, host: string): void {
    const waiting = this.#waiting.get(tale);
    if (waiting === undefined) return;
    waiting.missing.delete(host);
    if (waiting.missing.size > 0) return;
    this.#waiting.delete(tale);
    waiting.heard();
  }
}
