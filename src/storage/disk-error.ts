/** What the disk says, in words fit for callers: without the paths of the host, which go into `place` for the log. */
import { FaasmError } from '../../proto/errors.ts';

const words: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EFBIG: 'a file would be larger than the file system allows',
  EACCES: 'it may not be used; check its permissions',
  EPERM: 'it may not be used; check its permissions',
  EROFS: 'the disk is read-only; make it writable',
  EIO: 'the disk failed; check the disk, then restart',
  ENOENT: 'it is not there; restore it, or make it anew',
  EMFILE: 'too many files are open; raise the limit of open files',
  ENFILE: 'too many files are open; raise the limit of open files',
};

/**
 * @param what as in `The storage of functions`
 * @param place of the host, for the log
 */
export function toDiskError(thrown: unknown, what: string, place: string): FaasmError {
  if (thrown instanceof FaasmError) return thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  const isSystems = typeof code === 'string' && /^E[A-Z0-9]+$/.test(code);
  const why = isSystems ? (words[code] ?? code) : FaasmError.from(thrown).message;
  return new FaasmError('storage_unavailable', `${what} cannot be used: ${why}`, {
    details: { component: 'storage' },
    cause: thrown,
    place,
  });
}

const fullCodes = new Set(['ENOSPC', 'EDQUOT']);
/** SQLITE_FULL. */
const sqliteFull = 13;

/** There is no room left on the disk. */
export function isDiskFull(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false;
  const { code, errcode, cause } = thrown as { code?: string; errcode?: number; cause?: unknown };
  if (fullCodes.has(code ?? '') || (errcode ?? 0) % 256 === sqliteFull) return true;
  return cause !== undefined && isDiskFull(cause);
}
