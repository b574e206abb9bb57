/** Tells everybody of ended calls, many in one message: to a bus that leaves the process each message has its price. */
import type { CallEvent } from '../../proto/messages.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { type Bus, Encodable } from '../bus/port.ts';
import { callEventsCodec } from './messages.ts';

/** An event waits for others for so long. */
const gatherMs = 20;
/** At about 300 bytes each, a message stays far below the smallest `max_payload`. */
const eventsMax = 256;

export class CallEvents {
  readonly #bus: Bus;
  readonly #subject: string;
  #gathered: CallEvent[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(bus: Bus, subjects: Subjects) {
    this.#bus = bus;
    this.#subject = subjects.event('calls');
  }

  add(event: CallEvent): void {
    this.#gathered.push(event);
    if (this.#gathered.length >= eventsMax) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), gatherMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return;
    const events = this.#gathered;
    this.#gathered = [];
    this.#bus.publish(this.#subject, new Encodable(events, callEventsCodec));
  }
}
