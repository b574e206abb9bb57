/**
 * What a setting can be. A kind reads the text that a flag, the environment or a file gives, and knows what to say where
 * the text is none of it.
 */
import { quote } from '../../proto/names.ts';
import { readDurationMs, unitMs } from '../calls/duration.ts';

export interface Kind<Value> {
  /** What stands for a value in a usage, as in `--http-port <n>`. */
  readonly operand: string;
  /** What it has to be, with its range. */
  readonly wanted: string;
  /** What 0 means; without it 0 means nothing else than any other number, or is refused. */
  readonly zero?: string | undefined;
  /** @throws Refusal */
  read(text: string): Value;
  /** A text that reads as the same value. */
  show(value: Value): string;
}

export type ValueOf<Taken> = Taken extends Kind<infer Value> ? Value : never;

/** A text that is no value of its kind; the message says why, where `wanted` does not say it all. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

export interface Range {
  /** @default 1, or 0 where that means something */
  readonly min?: number;
  /** @default whatever a number can be */
  readonly max?: number;
  /** What 0 means, where it is allowed. */
  readonly zero?: string;
}

/** A whole number. */
export function count(range: Range = {}): Kind<number> {
  return number({ operand: 'n', what: 'a whole number', read: readWhole, show: String }, range);
}

export function port(zero: string): Kind<number> {
  return number({ operand: 'n', what: 'a port', read: readWhole, show: String }, { max: 65_535, zero });
}

const byteUnits = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** A size in bytes. @param plain what a number without a unit counts: what the name of the setting ends in */
export function bytes(range: Range = {}, plain: 'bytes' | 'MiB' = 'bytes'): Kind<number> {
  const plainBytes = plain === 'bytes' ? 1 : byteUnits[plain];
  return number(
    {
      operand: 'size',
      what: `a size such as 64MiB or 1GiB, or a number of ${plain}`,
      read(text) {
        const [, amount, unit] = /^(\d{1,16}(?:\.\d{1,9})?)(B|KiB|MiB|GiB|TiB)?$/.exec(text) ?? [];
        if (amount === undefined) return undefined;
        return Number(amount) * (unit === undefined ? plainBytes : byteUnits[unit as keyof typeof byteUnits]);
      },
      show: showBytes,
    },
    range,
  );
}

/** With the largest unit that leaves a whole number. */
function showBytes(value: number): string {
  const fitting = Object.entries(byteUnits).findLast(([, unit]) => value > 0 && value % unit === 0);
  return fitting === undefined ? '0' : `${value / fitting[1]}${fitting[0]}`;
}

/** In milliseconds, which a number without a unit counts too. */
export function duration(range: Range = {}): Kind<number> {
  return number(
    {
      operand: 'time',
      what: 'a duration such as 500ms, 30s, 2m or 1h, or a number of milliseconds',
      read: (text) => readWhole(text) ?? readDurationMs(text),
      show: showDuration,
    },
    { max: timerMaxMs, ...range },
  );
}

/** 24 days: timers take 31 bits of milliseconds, and some wait a little longer than what is set. */
const timerMaxMs = 24 * 24 * 3_600_000;

function showDuration(ms: number): string {
  const fitting = Object.entries(unitMs).findLast(([, unit]) => ms > 0 && ms % unit === 0);
  return fitting === undefined ? '0' : `${ms / fitting[1]}${fitting[0]}`;
}

/** One of these words. */
export function choice<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return {
    operand: words.join('|'),
    wanted: `one of ${words.join(', ')}`,
    read(text) {
      const found = words.find((word) => word === text);
      if (found === undefined) throw new Refusal();
      return found;
    },
    show: (word) => word,
  };
}

/** What commas part; nothing where the text is empty. */
export function list<Item>(item: Kind<Item>): Kind<readonly Item[]> {
  return {
    operand: `${item.operand},…`,
    wanted: `a list with commas, each ${item.wanted}`,
    read: (text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
        .map((part) => {
          try {
            return item.read(part);
          } catch {
            throw new Refusal(`${quote(part)} is none`);
          }
        }),
    show: (items) => items.map((part) => item.show(part)).join(','),
  };
}

/** Any text but an empty one. */
export function text(what = 'a text that is not empty', operand = 'text'): Kind<string> {
  return {
    operand,
    wanted: what,
    read(given) {
      if (given.trim() === '') throw new Refusal();
      return given;
    },
    show: (value) => value,
  };
}

/** Nothing, where the text is empty. */
export function optional<Value>(kind: Kind<Value>): Kind<Value | undefined> {
  return {
    ...kind,
    read: (given) => (given === '' ? undefined : kind.read(given)),
    show: (value) => (value === undefined ? '' : kind.show(value)),
  };
}

/** What a part of the system reads itself. */
export function parsed<Value>(parts: {
  readonly operand: string;
  readonly wanted: string;
  /** The message of what it throws says why, where `wanted` does not say it all. */
  readonly explains?: true;
  read(text: string): Value;
  show(value: Value): string;
}): Kind<Value> {
  return {
    ...parts,
    read(given) {
      try {
        return parts.read(given);
      } catch (thrown) {
        throw new Refusal(parts.explains === true ? (thrown as Error).message : '');
      }
    },
  };
}

interface NumberParts {
  readonly operand: string;
  readonly what: string;
  read(text: string): number | undefined;
  show(value: number): string;
}

function number({ operand, what, read, show }: NumberParts, { zero, ...range }: Range): Kind<number> {
  const { min = zero === undefined ? 1 : 0, max = Number.MAX_SAFE_INTEGER } = range;
  const bounds = max === Number.MAX_SAFE_INTEGER ? `from ${show(min)} on` : `${show(min)} to ${show(max)}`;
  const wanted = `${what}, ${bounds}`;
  return {
    operand,
    wanted,
    zero,
    read(text) {
      const value = read(text.trim());
      if (value === undefined || !Number.isSafeInteger(value) || value < min || value > max)
        throw new Refusal();
      return value;
    },
    show,
  };
}

const readWhole = (text: string): number | undefined => (/^\d{1,16}$/.test(text) ? Number(text) : undefined);
