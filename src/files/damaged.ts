/** What is said of shared files that are not what was written. */
import type { FaasmError } from '../../proto/errors.ts';
import type { FilePath } from '../../proto/file-path.ts';
import { quote } from '../../proto/names.ts';
import { damaged } from '../storage/checksum.ts';

const details = { component: 'files' } as const;

export function fileDamaged(path: FilePath): FaasmError {
  return damaged(`File ${quote(path)}`, 'write it anew', details);
}

export function contentDamaged(): FaasmError {
  return damaged('The content of a shared file', 'write the file anew', details);
}
