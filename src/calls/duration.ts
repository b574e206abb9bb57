import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

export const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A duration as people write it, such as `500ms`, `2s`, `1.5m`. @returns milliseconds; nothing where it is none */
export function readDurationMs(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * unitMs[unit as keyof typeof unitMs];
}

/** @returns milliseconds, over 0 @throws FaasmError `bad_request` */
export function parseDurationMs(text: string, name: string): number {
  const ms = readDurationMs(text) ?? 0;
  if (ms > 0) return ms;
  throw new FaasmError('bad_request', `${name} is a duration such as 500ms, 2s or 1m, not ${quote(text)}`);
}
