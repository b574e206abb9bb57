/** How the scheduler's messages look on the bus. */
import type { Call, CallResult } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { HostStatus, WarmChange } from '../../proto/messages.ts';
import { toHostId } from '../../proto/names.ts';
import { tokensAfter } from '../../proto/subjects.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import { type BusMessage, type Codec, readBody } from '../bus/port.ts';
import { createTopic } from '../bus/private.ts';
import type { Places } from '../calls/invocation.ts';
import { warmMax } from '../hosts/warm.ts';

export const hostStatusCodec: Codec<HostStatus> = msgpackCodec('host status', (value) => {
  const status = record(value);
  const { functions, state } = record(status.stores);
  return {
    host: toHostId(String(status.host)),
    instance: toShortText(status.instance),
    phase: toPhase(status.phase),
    stores: { functions: toShortText(functions), state: toShortText(state) },
    executors: toCount(status.executors),
    faaslets: toCount(status.faaslets),
    faasletBytes: toCount(status.faasletBytes),
    activeCalls: toCount(status.activeCalls),
    queuedCalls: toCount(status.queuedCalls),
    capacity: toCount(status.capacity),
    cores: toCount(status.cores),
    backlogUs: toCount(status.backlogUs),
    warmPrograms: toCount(status.warmPrograms),
    warm: toWarmChange(status.warm),
  };
});

/** @throws FaasmError `bad_message`, also where a host tells of another one */
export function readHostStatus(message: BusMessage): HostStatus {
  const status = readBody(message, hostStatusCodec);
  const [host] = tokensAfter(message.subject, 1);
  if (status.host === host) return status;
  throw new FaasmError('bad_message', `${message.subject} is of another host than ${status.host}`);
}

/** A call that is made by this host itself: one that a call chained, or an attempt at an asynchronous one. */
export interface Admission {
  readonly call: Call;
  /** Nothing where input and output are along with the call. */
  readonly places: Places | undefined;
}

/** Answered with what became of the call, a failure as an error. */
export const admitTopic = createTopic<Admission, CallResult>('admit');

function toWarmChange(value: unknown): WarmChange {
  const { whole, added, removed } = record(value);
  return { whole: whole === true, added: toTexts(added), removed: toTexts(removed) };
}

function toTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.slice(0, warmMax).map(toShortText) : [];
}

const phases = ['serving', 'draining', 'gone'] as const;

function toPhase(value: unknown): HostStatus['phase'] {
  const phase = phases.find((known) => known === value);
  if (phase !== undefined) return phase;
  throw new FaasmError('bad_message', `a host is ${phases.join(', ')}`);
}

/** Two names and a version have fewer characters. */
const textMaxLength = 256;

function toShortText(value: unknown): string {
  if (typeof value === 'string' && value.length <= textMaxLength) return value;
  throw new FaasmError('bad_message', `a text of at most ${textMaxLength} characters is wanted`);
}

function toCount(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FaasmError('bad_message', 'a count is a whole number');
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new FaasmError('bad_message', 'an object is wanted');
}
