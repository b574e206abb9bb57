/** Tells everybody of ended calls, many in one message: to a bus that leaves the process each message has its price. */
import type { CallEvent } from '../../proto/messages.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { type Bus, Encodable } from '../bus/port.ts';
import { callEventsCodec } from './messages.ts';

/** An event waits for others for so long. */
const gatherMs = 20;
const eventsMax = 256;
/** 512 KiB, or less where the bus takes less. */
const batchMaxBytes = 512 * 1024;
/** All of an event but its texts: names, ids and numbers. */
const headMaxBytes = 1024;
/** A control character in JSON, which is the most that a character takes. */
const characterMaxBytes = 6;

export class CallEvents {
  readonly #bus: Bus;
  readonly #subject: string;
  #gathered: CallEvent[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(bus: Bus, subjects: Subjects) {
    this.#bus = bus;
    this.#subject = subjects.event('calls');
  }

  add(event: CallEvent): void {
    const maxBytes = Math.min(batchMaxBytes, this.#bus.maxPayloadBytes);
    const fitting = toFitting(event, maxBytes);
    const bytes = mostBytes(fitting);
    if (this.#bytes + bytes > maxBytes) this.flush();
    this.#gathered.push(fitting);
    this.#bytes += bytes;
    if (this.#gathered.length >= eventsMax) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), gatherMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return;
    const events = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    this.#bus.tell(this.#subject, new Encodable(events, callEventsCodec), { fleeting: true });
  }
}

/** An event that would not fit a message goes without its texts but for how the error's begins. */
function toFitting(event: CallEvent, maxBytes: number): CallEvent {
  if (mostBytes(event) <= maxBytes) return event;
  if (callEventsCodec.encode([event]).length <= maxBytes) return event;
  const { error } = event;
  return {
    ...event,
    stderr: null,
    error: error && { code: error.code, message: error.message.slice(0, 128), details: {} },
  };
}

/** What it has at most as a line of JSON, without making that. */
function mostBytes({ stderr, error }: CallEvent): number {
  if (stderr === null && error === null) return headMaxBytes;
  const { stderr: last = '', backtrace = '' } = error?.details ?? {};
  const length = (stderr?.length ?? 0) + (error?.message.length ?? 0) + last.length + backtrace.length;
  return headMaxBytes + characterMaxBytes * length;
}
