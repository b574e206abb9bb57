/** Parameters and results of a WebAssembly function as text; a letter of its signature says of which type each is. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import type { Signature } from '../wasm/types.ts';

type WasmNumber = number | bigint;

const typeNames: Readonly<Record<string, string>> = { i: 'i32', I: 'i64', f: 'f32', F: 'f64', V: 'v128' };

/** @throws FaasmError `bad_request` for a function of other things than numbers, and for what it cannot be given */
export function toParameters(
  signature: Signature,
  { name, parameters }: { readonly name: string; readonly parameters: readonly string[] },
): WasmNumber[] {
  const shown = `${name} is ${toTypeText(signature)}`;
  if (!/^[iIfF]*:[iIfF]*$/.test(signature)) {
    throw new FaasmError(
      'bad_request',
      `${shown}, and only numbers can be given to and come from what is invoked`,
    );
  }
  const letters = [...signature.slice(0, signature.indexOf(':'))];
  if (letters.length !== parameters.length) {
    throw new FaasmError(
      'bad_request',
      `${shown}, so it takes ${letters.length} arguments, not ${parameters.length}`,
    );
  }
  return letters.map((letter, at) => {
    const number = toNumber(letter, parameters[at]!);
    if (number !== undefined) return number;
    throw new FaasmError('bad_request', `${shown}, and ${quote(parameters[at]!)} is no ${typeNames[letter]}`);
  });
}

/** @param values one, or a list of several, or nothing, as WebAssembly gives them to JavaScript */
export function toResults(signature: Signature, values: unknown): string[] {
  const letters = [...signature.slice(signature.indexOf(':') + 1)];
  const list = (letters.length > 1 ? values : [values]) as readonly WasmNumber[];
  return letters.map((letter, at) => toNumberText(letter, list[at]!));
}

/** As in `(i32, i64) -> (f64)`. */
function toTypeText(signature: Signature): string {
  const [parameters, results] = signature
    .split(':')
    .map((letters) => `(${[...letters].map((letter) => typeNames[letter] ?? 'reference').join(', ')})`);
  return `${parameters} -> ${results}`;
}

/** Nothing for what is no number of that type. */
function toNumber(letter: string, text: string): WasmNumber | undefined {
  if (letter === 'i' || letter === 'I') return toInteger(text, letter === 'i' ? 32 : 64);
  const [, sign, word] = /^([+-]?)(inf|nan)$/i.exec(text) ?? [];
  if (word !== undefined) return Number(`${sign}1`) * (word.toLowerCase() === 'inf' ? Infinity : Number.NaN);
  return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text);
}

/** Signed or unsigned, decimal or as 0x…. */
function toInteger(text: string, bits: 32 | 64): WasmNumber | undefined {
  const [, sign, digits] = /^([+-]?)(\d+|0x[\da-f]+)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
  if (value < -(2n ** BigInt(bits - 1)) || value >= 2n ** BigInt(bits)) return undefined;
  const signed = BigInt.asIntN(bits, value);
  return bits === 32 ? Number(signed) : signed;
}

/** Integers as signed ones; others as short as they can be told from all others of their type. */
function toNumberText(letter: string, value: WasmNumber): string {
  if (Object.is(value, -0)) return '-0';
  if (Math.abs(Number(value)) === Infinity) return value < 0 ? '-inf' : 'inf';
  return String(letter === 'f' ? toShortest(value as number) : value);
}

/** Of the decimal numbers that are this f32, one with the fewest digits; nine are enough. */
function toShortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number(value.toPrecision(9));
}
