/** The compiler of a language, as what it makes depends on it. */
import { readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import type { Language } from './language.ts';

const compilers: Readonly<Record<Language, string>> = {
  C: '@yowasp/clang',
  AssemblyScript: 'assemblyscript',
  'WebAssembly text': 'wabt',
};
const versions = new Map<Language, Promise<string>>();

export function compilerVersion(language: Language): Promise<string> {
  const known = versions.get(language);
  if (known !== undefined) return known;
  const name = compilers[language];
  const json = findPackageJSON(name, import.meta.url)!;
  const version = readFile(json, 'utf8').then((text) => `${name} ${JSON.parse(text).version}`);
  versions.set(language, version);
  return version;
}
