/**
 * Whether a program prints or reads numbers of `long double`. The libc has two kinds of printf and scanf, of which the
 * larger one knows them, and the other ends the program.
 */
import type { LinkedFile } from './link.ts';

/** In what `nm` lists: arithmetic of such numbers, and what of the standard library prints and reads them. */
const symbol = /^\s+U (?:__\w+tf\w*|_ZN\S*(?:lsEe|rsERe|to_stringEe|stold\w*))$/m;

/** In a text that is compiled into an object: `%Lf`, `%10.3Lg`. */
const format = /%[-+ #0'\d.*$]*L[aefgAEFG]/;

export function usesLongDouble(symbols: string, objects: readonly LinkedFile[]): boolean {
  return (
    symbol.test(symbols) || objects.some(({ bytes }) => format.test(Buffer.from(bytes).toString('latin1')))
  );
}
