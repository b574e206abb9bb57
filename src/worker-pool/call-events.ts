/**
 * Tells everybody of ended calls, many of one user in one message: to a bus that leaves the process each message has
 * its price.
 */
import type { CallEvent } from '../../proto/messages.ts';
import type { UserName } from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { type Bus, Encodable } from '../bus/port.ts';
import type { Timer, Timers } from '../power/port.ts';
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

interface Batch {
  readonly events: CallEvent[];
  bytes: number;
}

export class CallEvents {
  readonly #bus: Bus;
  readonly #subjects: PublicSubjects;
  readonly #gathered = new Map<UserName, Batch>();
  readonly #timers: Timers;
  #timer: Timer | undefined;

  constructor(bus: Bus, subjects: PublicSubjects, timers: Timers) {
    this.#bus = bus;
    this.#subjects = subjects;
    this.#timers = timers;
  }

  add(event: CallEvent): void {
    const { user } = event;
    const maxBytes = Math.min(batchMaxBytes, this.#bus.maxPayloadBytes);
    const fitting = toFitting(event, maxBytes);
    const bytes = mostBytes(fitting);
    let batch = this.#gathered.get(user);
    if (batch !== undefined && batch.bytes + bytes > maxBytes) {
      this.#tell(user, batch);
      batch = undefined;
    }
    if (batch === undefined) this.#gathered.set(user, (batch = { events: [], bytes: 0 }));
    batch.events.push(fitting);
    batch.bytes += bytes;
    if (batch.events.length >= eventsMax) this.#tell(user, batch);
    else this.#timer ??= this.#timers.after(gatherMs, () => this.flush());
  }

  flush(): void {
    this.#timers.cancel(this.#timer);
    this.#timer = undefined;
    for (const [user, batch] of this.#gathered) this.#tell(user, batch);
  }

  #tell(user: UserName, { events }: Batch): void {
    this.#gathered.delete(user);
    const body = new Encodable(events, callEventsCodec);
    this.#bus.tell(this.#subjects.callEvents(user), body, { fleeting: true });
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
