/** The functions of a source tree: `func/<user>/<name>.cpp` or `.c`, one file each. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { type FunctionName, toFunctionName, toUserName, type UserName } from '../../proto/names.ts';
import { isCompiled } from './options.ts';

export interface DiscoveredFunction {
  readonly user: UserName;
  readonly name: FunctionName;
  /** Of its source on disk, below the given folder. */
  readonly path: string;
}

/** What is in `func` beside the users. */
const notUsers = new Set(['include', 'lib']);

/**
 * By user, then name. A folder that is not there has none.
 * @throws FaasmError `bad_name` for a file or folder that cannot be a function's or a user's, `conflict` for two sources of one function
 */
export async function discoverFunctions(folder: string): Promise<DiscoveredFunction[]> {
  const found = new Map<string, DiscoveredFunction>();
  for (const user of (await entriesOf(folder)).filter(
    (entry) => entry.isDirectory() && !notUsers.has(entry.name),
  )) {
    for (const file of (await entriesOf(join(folder, user.name))).filter(
      (entry) => entry.isFile() && isCompiled(entry.name),
    )) {
      const name = file.name.replace(/\.[^.]+$/, '');
      const path = join(folder, user.name, file.name);
      const other = found.get(`${user.name}/${name}`);
      if (other !== undefined)
        throw new FaasmError('conflict', `${other.path} and ${path} are the same function; rename one`);
      found.set(`${user.name}/${name}`, { user: toUserName(user.name), name: toFunctionName(name), path });
    }
  }
  return [...found].sort(([one], [two]) => (one < two ? -1 : 1)).map(([, each]) => each);
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
