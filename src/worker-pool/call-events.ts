/** Tells everybody of ended calls, many in one message: to a bus that leaves the process each message has its price. */
import type { CallEvent } from '../../proto/messages.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { type Bus, Encodable } from '../bus/port.ts';
import { callEventsCodec } from './messages.ts';

/** An event waits for others for so long. */
const gatherMs = 20;
/** At about 300 bytes each, and with their texts, a message stays below a NATS server's `max_payload` of 1 MiB. */
const eventsMax = 256;
const textMaxLength = 128 * 1024;

export class CallEvents {
  readonly #bus: Bus;
  readonly #subject: string;
  #gathered: CallEvent[] = [];
  #textLength = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(bus: Bus, subjects: Subjects) {
    this.#bus = bus;
    this.#subject = subjects.event('calls');
  }

  add(event: CallEvent): void {
    this.#gathered.push(event);
    this.#textLength += textLength(event);
    if (this.#gathered.length >= eventsMax || this.#textLength >= textMaxLength) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), gatherMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return;
    const events = this.#gathered;
    this.#gathered = [];
    this.#textLength = 0;
    this.#bus.publish(this.#subject, new Encodable(events, callEventsCodec));
  }
}

/** Of what a guest wrote, and of what is said of its failure. */
function textLength({ stderr, error }: CallEvent): number {
  if (stderr === null && error === null) return 0;
  const { stderr: last = '', backtrace = '' } = error?.details ?? {};
  return (stderr?.length ?? 0) + (error?.message.length ?? 0) + last.length + backtrace.length;
}
