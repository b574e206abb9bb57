/** The functions of a source tree: `func/<user>/<name>.cpp` or `.c`, one file each. */
import type { Dirent } from 'node:fs';
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

/** A source, or a folder of sources, that cannot be a function's or a user's. */
export interface RefusedSource {
  readonly path: string;
  /** `bad_name`, or `conflict` where another source is the same function. */
  readonly error: FaasmError;
}

export interface Discovery {
  /** By user, then name. */
  readonly functions: readonly DiscoveredFunction[];
  readonly refused: readonly RefusedSource[];
}

/** What is in `func` beside the users. */
const notUsers = new Set(['include', 'lib']);

/** A folder that is not there has no functions. */
export async function discoverFunctions(folder: string): Promise<Discovery> {
  const functions: DiscoveredFunction[] = [];
  const refused: RefusedSource[] = [];
  for (const entry of await entriesOf(folder)) {
    if (!entry.isDirectory() || notUsers.has(entry.name)) continue;
    const userFolder = join(folder, entry.name);
    const files = (await entriesOf(userFolder)).filter((file) => file.isFile() && isCompiled(file.name));
    if (files.length === 0) continue;
    attempt(userFolder, () => {
      const user = toUserName(entry.name);
      const sourceOf = new Map<FunctionName, string>();
      for (const file of files) {
        const path = join(userFolder, file.name);
        attempt(path, () => {
          const name = toFunctionName(file.name.replace(/\.[^.]+$/, ''));
          const other = sourceOf.get(name);
          if (other !== undefined) {
            throw new FaasmError('conflict', `${other} is the same function; rename one`);
          }
          sourceOf.set(name, path);
        });
      }
      for (const [name, path] of sourceOf) functions.push({ user, name, path });
    });
  }
  return { functions, refused };

  function attempt(path: string, take: () => void): void {
    try {
      take();
    } catch (thrown) {
      refused.push({ path, error: FaasmError.from(thrown) });
    }
  }
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
