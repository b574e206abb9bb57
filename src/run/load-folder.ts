/** A folder of the disk as entries of a file tree. Symbolic links are kept as they are and never followed. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import type { FileTreeEntry } from '../faaslet/host/wasi/file-tree.ts';

export interface FolderLimits {
  /** Of all files together. */
  readonly bytesMax: number;
  /** Files, folders and links. */
  readonly entriesMax: number;
}

export type LoadedEntry = readonly [path: string, entry: FileTreeEntry];

/** So deep a file system's longest path can be. */
const depthMax = 1024;

/**
 * @param at what each path begins with; `` for nothing
 * @throws FaasmError `not_found`, `too_large`, `bad_request` for what is no file, folder or link
 */
export function loadFolder(folder: string, at: string, limits: FolderLimits): LoadedEntry[] {
  const isFolder = reading(folder, () => statSync(folder).isDirectory());
  if (!isFolder)
    throw new FaasmError('bad_request', `Cannot load ${quote(folder)}: it is a file, not a folder`);
  const loaded: LoadedEntry[] = at === '' ? [] : [[at, { directory: true }]];
  const pending = [{ path: folder, guest: at, depth: 0 }];
  let bytesLeft = limits.bytesMax;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, guest, depth } = next;
    for (const entry of reading(path, () => readdirSync(path, { withFileTypes: true }))) {
      const inside = join(path, entry.name);
      const name = guest === '' ? entry.name : `${guest}/${entry.name}`;
      if (loaded.length >= limits.entriesMax || depth >= depthMax) {
        throw tooLarge(folder, `it has more than ${limits.entriesMax} entries, or is ${depthMax} deep`);
      }
      if (entry.isDirectory()) {
        loaded.push([name, { directory: true }]);
        pending.push({ path: inside, guest: name, depth: depth + 1 });
      } else if (entry.isSymbolicLink()) {
        loaded.push([name, { link: reading(inside, () => readlinkSync(inside)) }]);
      } else if (entry.isFile()) {
        const bytes = reading(inside, () => readFile(inside, bytesLeft));
        if (bytes === undefined) throw tooLarge(folder, `it has more than ${limits.bytesMax} bytes`);
        bytesLeft -= bytes.length;
        loaded.push([name, bytes]);
      } else {
        throw new FaasmError(
          'bad_request',
          `Cannot load ${quote(folder)}: ${quote(inside)} is neither a file nor a folder nor a link`,
        );
      }
    }
  }
  return loaded;
}

/** Nothing when it is larger. What has become a link meanwhile is not followed. */
function readFile(path: string, bytesMax: number): Uint8Array | undefined {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    return fstatSync(file).size > bytesMax ? undefined : readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file or folder' : message;
    throw new FaasmError(
      code === 'ENOENT' ? 'not_found' : 'bad_request',
      `Cannot load ${quote(path)}: ${reason}`,
      {
        cause,
      },
    );
  }
}

function tooLarge(folder: string, why: string): FaasmError {
  return new FaasmError('too_large', `Cannot load ${quote(folder)}: ${why}; give a smaller folder`);
}
