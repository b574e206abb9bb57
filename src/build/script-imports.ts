/** What an AssemblyScript source imports, as the compiler will look for it. */
import { dirname, join } from 'node:path';

const specifier = /\b(?:from|import)\s*(["'])([^"'\n]+)\1/g;

/**
 * For each import, the files that it may mean, the likeliest first. `packages` is the folder that has `node_modules`.
 * Comments are not told apart, for a file that is not imported after all does no harm.
 */
export function importCandidates(text: string, path: string, packages: string): string[][] {
  return [...text.matchAll(specifier)].map(([, , name]) => {
    const target = /^\.{1,2}(?:\/|$)/.test(name!)
      ? join(dirname(path), name!)
      : join(packages, 'node_modules', name!);
    return [`${target}.ts`, join(target, 'index.ts')];
  });
}
