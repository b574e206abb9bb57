/**
 * A folder of the disk as entries of a file tree. Symbolic links are kept as they are and never followed, wherever they
 * lead. What cannot be an entry is left out, and said.
 */
import {
  closeSync,
  constants,
  type Dirent,
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
import type { FileTreeEntry } from '../guest/wasi/file-tree.ts';

export interface FolderLimits {
  /** Of all files together. */
  readonly bytesMax: number;
  /** Files, folders and links. */
  readonly entriesMax: number;
}

export type LoadedEntry = readonly [path: string, entry: FileTreeEntry];

/** Is told of an entry that is not loaded, by its path on the disk, and of the reason. */
export type OnLeftOut = (path: string, why: string) => void;

/** So deep a file system's longest path can be. */
const depthMax = 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a folder can have beside files, folders and links. */
const otherKinds = [
  ['isFIFO', 'it is a named pipe'],
  ['isSocket', 'it is a socket'],
  ['isCharacterDevice', 'it is a device'],
  ['isBlockDevice', 'it is a device'],
] as const;

/**
 * @param at what each path begins with; `` for nothing
 * @throws FaasmError `not_found`, `bad_request` for what is no folder, `too_large`
 */
export function loadFolder(
  folder: string,
  at: string,
  limits: FolderLimits,
  onLeftOut: OnLeftOut,
): LoadedEntry[] {
  const isFolder = reading(folder, () => statSync(folder).isDirectory());
  if (!isFolder)
    throw new FaasmError('bad_request', `Cannot load ${quote(folder)}: it is a file, not a folder`);
  const loaded: LoadedEntry[] = at === '' ? [] : [[at, { directory: true }]];
  const first = reading(folder, () => listFolder(folder));
  const pending = [{ path: folder, guest: at, depth: 0, entries: first }];
  let bytesLeft = limits.bytesMax;

  const load = (path: string, name: string, entry: Dirent<Buffer>, depth: number): void => {
    if (entry.isDirectory()) {
      const entries = listFolder(path);
      loaded.push([name, { directory: true }]);
      pending.push({ path, guest: name, depth: depth + 1, entries });
    } else if (entry.isSymbolicLink()) {
      loaded.push([name, { link: utf8.decode(readlinkSync(path, 'buffer')) }]);
    } else if (entry.isFile()) {
      const bytes = readFile(path, bytesLeft);
      if (bytes === undefined) throw tooLarge(folder, `it has more than ${limits.bytesMax} bytes`);
      bytesLeft -= bytes.length;
      loaded.push([name, bytes]);
    } else throw new UnfitEntry(otherKinds.find(([is]) => entry[is]())?.[1] ?? 'it is of no known kind');
  };

  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, guest, depth, entries } = next;
    for (const entry of entries) {
      if (loaded.length >= limits.entriesMax || depth >= depthMax) {
        throw tooLarge(folder, `it has more than ${limits.entriesMax} entries, or is ${depthMax} deep`);
      }
      const name = toText(entry.name);
      if (name === undefined) {
        onLeftOut(`${path}/${toShownBytes(entry.name)}`, 'its name is not UTF-8');
        continue;
      }
      const inside = join(path, name);
      try {
        load(inside, guest === '' ? name : `${guest}/${name}`, entry, depth);
      } catch (thrown) {
        if (thrown instanceof FaasmError) throw thrown;
        onLeftOut(inside, toReason(thrown));
      }
    }
  }
  return loaded;
}

/** An entry that is there, and nothing that a file system of a guest has. */
class UnfitEntry extends Error {}

function listFolder(path: string): Dirent<Buffer>[] {
  return readdirSync(path, { withFileTypes: true, encoding: 'buffer' });
}

/** Nothing when it is larger. What has become a link or a pipe meanwhile is neither followed nor waited for. */
function readFile(path: string, bytesMax: number): Uint8Array | undefined {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const found = fstatSync(file);
    if (!found.isFile()) throw new UnfitEntry('it is no file any more');
    return found.size > bytesMax ? undefined : readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function toText(name: Uint8Array): string | undefined {
  try {
    return utf8.decode(name);
  } catch {
    return undefined;
  }
}

/** With what is no ASCII as in `\xe9`. */
function toShownBytes(name: Uint8Array): string {
  return Buffer.from(name)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function toReason(thrown: unknown): string {
  if (thrown instanceof UnfitEntry) return thrown.message;
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be read';
  if (code === 'ENOENT') return 'it is not there any more';
  if (thrown instanceof TypeError) return 'it is a link to a name that is not UTF-8';
  return `it cannot be read: ${message}`;
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
