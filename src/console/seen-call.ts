import { type ErrorCode, isErrorCode } from '../../proto/errors.ts';
import type { CallEvent } from '../../proto/messages.ts';

/** What the console keeps of an ended call. */
export interface SeenCall {
  readonly id: string;
  readonly user: string;
  readonly function: string;
  readonly host: string;
  readonly endedAtMs: number;
  readonly durationMs: number;
  readonly outputBytes: number;
  readonly returnValue: number;
  readonly code: ErrorCode | 'ok';
  /** Why it failed; nothing when it did not. */
  readonly message: string | null;
  readonly stderr: string | null;
}

const nameMaxLength = 64;
const textMaxLength = 500;

/** An event may come from another host: its texts are cut and its numbers are numbers. */
export function toSeenCall(event: CallEvent): SeenCall {
  const { error } = event;
  return {
    id: cut(event.id, nameMaxLength),
    user: cut(event.user, nameMaxLength),
    function: cut(event.function, nameMaxLength),
    host: cut(event.host, nameMaxLength),
    endedAtMs: toNumber(event.endedAtMs),
    durationMs: toNumber(event.durationMs),
    outputBytes: toNumber(event.outputBytes),
    returnValue: toNumber(event.returnValue),
    code: toCode(error),
    message: error ? cut(error.message, textMaxLength) : null,
    stderr: event.stderr ? cut(event.stderr, textMaxLength) : null,
  };
}

function toCode(error: CallEvent['error']): ErrorCode | 'ok' {
  if (!error) return 'ok';
  return isErrorCode(error.code) ? error.code : 'internal';
}

function cut(text: unknown, maxLength: number): string {
  const whole = typeof text === 'string' ? text : '';
  return whole.length > maxLength ? `${whole.slice(0, maxLength - 1)}…` : whole;
}

function toNumber(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
}
