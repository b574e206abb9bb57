/** The functions of a source tree: `func/<user>/<name>.cpp`, `.c`, `.ts` or `.wat`, one file each. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { type FunctionName, toFunctionName, toUserName, type UserName } from '../../proto/names.ts';
import { languageOf } from './language.ts';

export interface DiscoveredFunction {
  readonly user: UserName;
  readonly name: FunctionName;
  /** Of its source on disk, below the given folder. */
  readonly path: string;
}

/** A source that cannot be a function. */
export interface RefusedSource {
  readonly path: string;
  /** `bad_name`, also for that of its folder, or `conflict` where another source is the same function. */
  readonly error: FaasmError;
}

export interface Discovery {
  /** By user, then name. */
  readonly functions: readonly DiscoveredFunction[];
  readonly refused: readonly RefusedSource[];
}

/** What is in `func` beside the users. */
const notUsers = new Set(['assemblyscript', 'include', 'lib', 'templates']);

/** A folder that is not there has no functions. Of two sources of one function the first by name is it. */
export async function discoverFunctions(folder: string): Promise<Discovery> {
  const found = new Map<string, DiscoveredFunction>();
  const refused: RefusedSource[] = [];
  for (const user of await entriesOf(folder)) {
    if (!user.isDirectory() || notUsers.has(user.name)) continue;
    for (const file of await entriesOf(join(folder, user.name))) {
      if (!file.isFile() || languageOf(file.name) === undefined) continue;
      const path = join(folder, user.name, file.name);
      try {
        const fn = { user: toUserName(user.name), name: toFunctionName(parse(file.name).name), path };
        const other = found.get(`${fn.user}/${fn.name}`);
        if (other !== undefined) {
          throw new FaasmError('conflict', `${other.path} is the same function; rename one of them`);
        }
        found.set(`${fn.user}/${fn.name}`, fn);
      } catch (thrown) {
        refused.push({ path, error: FaasmError.from(thrown) });
      }
    }
  }
  const functions = [...found].sort(([one], [two]) => (one < two ? -1 : 1)).map(([, fn]) => fn);
  return { functions, refused };
}

/** By name. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((one, two) => (one.name < two.name ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
