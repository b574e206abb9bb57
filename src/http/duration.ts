import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

/** A day: what runs longer is an asynchronous call made of shorter ones. */
export const durationMaxMs = 24 * 60 * 60 * 1000;

const pattern = /^(\d{1,8})(ms|s|m|h)$/;
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as in `500ms`, `2s`, `1m`, `1h`, in milliseconds. @throws FaasmError `bad_request` */
export function toDurationMs(text: string): number {
  const match = pattern.exec(text);
  const durationMs = match === null ? 0 : Number(match[1]) * unitsMs[match[2]!]!;
  if (durationMs >= 1 && durationMs <= durationMaxMs) return durationMs;
  throw new FaasmError(
    'bad_request',
    `Bad duration ${quote(text)}: write a whole number and a unit, as in 500ms, 2s, 1m or 1h, from 1ms to 24h`,
  );
}
