import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

const unitMs = { ms: 1, s: 1000, m: 60_000 } as const;

/** A duration as people write it, such as `500ms`, `2s`, `1.5m`. @returns milliseconds, over 0 @throws FaasmError `bad_request` */
export function parseDurationMs(text: string, name: string): number {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)$/.exec(text) ?? [];
  const ms = amount === undefined ? 0 : Number(amount) * unitMs[unit as keyof typeof unitMs];
  if (ms > 0) return ms;
  throw new FaasmError('bad_request', `${name} is a duration such as 500ms, 2s or 1m, not ${quote(text)}`);
}
