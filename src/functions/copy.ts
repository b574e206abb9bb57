/** Functions from one place to another: their modules, versions and settings. Proto-Faaslets are taken anew there. */
import type { FunctionDescription } from '../../proto/messages.ts';
import type { FunctionStore, ListedFunction } from './port.ts';

export type Copied = 'copied' | 'there already';

/**
 * @returns what was done; it can be done again, and goes on where it broke off
 * @throws FaasmError `not_found` when a module is missing, `storage_unavailable` also for one that is damaged
 */
export async function copyFunction(
  from: FunctionStore,
  to: FunctionStore,
  { user, name }: ListedFunction,
): Promise<Copied> {
  const source = (await from.read(user, name))?.description;
  if (source === undefined) return 'there already';
  const before = await to.read(user, name);
  if (before !== undefined && isSame(before.description, source)) return 'there already';
  const there = new Set((await to.listModules()).map(({ module }) => module));
  for (const module of new Set(source.versions.map((version) => version.module))) {
    // The bytes were held against their sha256 when they were read.
    if (!there.has(module)) await to.writeModule(module, await from.readModule(module));
  }
  await to.write(source, before?.tag ?? null);
  return 'copied';
}

function isSame(left: FunctionDescription, right: FunctionDescription): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
