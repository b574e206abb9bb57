/** The languages that a function can be built from, told by the endings of its sources. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

export type Language = 'C' | 'AssemblyScript' | 'WebAssembly text';

/** For messages. */
export const sourceEndings = '.c, .cc, .cpp, .cxx, .ts or .wat';

const endings: readonly (readonly [ending: RegExp, language: Language])[] = [
  [/\.(c|cc|cpp|cxx)$/, 'C'],
  [/(?<!\.d)\.ts$/, 'AssemblyScript'],
  [/\.wat$/, 'WebAssembly text'],
];

/** Of a file; nothing for a header, an object, or any other file. */
export const languageOf = (path: string): Language | undefined =>
  endings.find(([ending]) => ending.test(path))?.[1];

/** Of a program. @throws FaasmError `bad_request` for none, or more than one */
export function languageOfAll(paths: readonly string[]): Language {
  const found = new Map(paths.map((path) => [languageOf(path), path]));
  found.delete(undefined);
  const [first, second] = found.keys();
  if (first === undefined) {
    const shown = paths.map(quote).join(', ') || 'no file at all';
    throw new FaasmError('bad_request', `Nothing to compile in ${shown}: a source ends in ${sourceEndings}`);
  }
  if (second === undefined) return first;
  const [one, two] = [...found.values()].map(quote);
  throw new FaasmError(
    'bad_request',
    `${one} is ${first} and ${two} is ${second}: a program has one language; C and C++ count as one`,
  );
}
