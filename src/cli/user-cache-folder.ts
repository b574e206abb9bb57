/** Where a program keeps for whoever runs it what it can make again, by the customs of the system. */
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

export function userCacheFolder(
  environment: Environment,
  system: NodeJS.Platform = process.platform,
): string {
  return join(cacheFolder(environment, system), 'faasm');
}

function cacheFolder({ XDG_CACHE_HOME, LOCALAPPDATA, HOME }: Environment, system: NodeJS.Platform): string {
  // Of the first, the specification says that a relative path is to be passed over.
  if (XDG_CACHE_HOME?.startsWith('/')) return XDG_CACHE_HOME;
  if (system === 'win32') return LOCALAPPDATA || tmpdir();
  const home = HOME || homedir();
  return system === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache');
}
