/** A lock file: one at a time among processes, and among hosts that share a folder. */
import { open, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { FaasmError } from '../../proto/errors.ts';
import { steadyMs } from '../clock.ts';

const pollMs = 10;
const waitMs = 30_000;
/** What is done under a lock takes milliseconds: who made an older one is gone. */
const staleMs = 30_000;

/** @param path of the lock file @throws FaasmError `storage_unavailable` when somebody has it for long */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lastMs = steadyMs() + waitMs;
  while (!(await tryToMake(path))) {
    if (await isStale(path)) await rm(path, { force: true });
    else if (steadyMs() > lastMs) {
      const why = 'The storage of functions stays locked; remove its lock file if no host is running';
      throw new FaasmError('storage_unavailable', why, { place: path });
    } else await delay(pollMs);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryToMake(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > staleMs;
}
