/** Which test files cannot run without a program: those that import, at whatever distance, the file that starts it. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @param root of the repository @param starter such as `test/_servers/nats-server.ts` @returns paths from the root, by name */
export function filesThatNeed(root: string, starter: string): string[] {
  const files = globSync('test/**/*.ts', { cwd: root });
  const importers = new Map<string, string[]>();
  for (const file of files) {
    for (const [, path] of readFileSync(join(root, file), 'utf8').matchAll(/'(\.{1,2}\/[^']+\.ts)'/g)) {
      const imported = join(dirname(file), path!);
      importers.set(imported, [...(importers.get(imported) ?? []), file]);
    }
  }
  const found = new Set([starter]);
  for (const file of found) for (const importer of importers.get(file) ?? []) found.add(importer);
  return [...found].filter((file) => file.endsWith('.test.ts')).sort();
}
