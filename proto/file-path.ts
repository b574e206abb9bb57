/**
 * The path of a shared file: `lib/data.txt` is what functions see as `/lib/data.txt`.
 *
 * It is UTF-8 text of 1 to 512 bytes; its names are parted by single slashes, have 1 to 255 bytes each and are neither
 * `.` nor `..`. In a subject it stands in the token form of a state key.
 */
import { FaasmError } from './errors.ts';
import { fromStateKey, fromStateToken, quote, type StateKey, toStateKey } from './names.ts';

declare const brand: unique symbol;
export type FilePath = string & { readonly [brand]: 'FilePath' };
/** A path in a subject. */
export type FileToken = string & { readonly [brand]: 'FileToken' };

export const filePathMaxBytes = 512;
const nameMaxBytes = 255;

/** Every function finds this folder, empty, so it cannot be a file. */
export const temporaryFolder = 'tmp';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws FaasmError `bad_name` */
export function toFilePath(text: string): FilePath {
  const why = reasonAgainst(text);
  if (why === undefined) return text as FilePath;
  throw new FaasmError('bad_name', `Bad file path ${quote(text)}: ${why}`);
}

export function toFileToken(path: FilePath): FileToken {
  return toStateKey(path) as string as FileToken;
}

/** A token that came from outside. @throws FaasmError `bad_name` */
export function fromFileToken(token: string): FilePath {
  const bytes = fromStateKey(fromStateToken(token) as StateKey);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw new FaasmError('bad_name', `Bad file path ${quote(token)}: it is not UTF-8`, { cause });
  }
  return toFilePath(text);
}

/** The folders that a file is in, from the outermost on. */
export function foldersOf(path: FilePath): string[] {
  const folders: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) folders.push(path.slice(0, at));
  return folders;
}

function reasonAgainst(text: string): string | undefined {
  if (!text.isWellFormed()) return 'it is not Unicode text';
  if (text.includes('\0')) return 'it has a NUL';
  const byteLength = Buffer.byteLength(text);
  if (byteLength > filePathMaxBytes) return `it has ${byteLength} bytes and may have ${filePathMaxBytes}`;
  if (text === temporaryFolder) return `/${temporaryFolder} is a folder of every function`;
  for (const name of text.split('/')) {
    if (name === '') return 'a name in it is empty; write it as in lib/data.txt';
    if (name === '.' || name === '..') return `a name in it is ${name}`;
    if (Buffer.byteLength(name) > nameMaxBytes) return `a name in it has more than ${nameMaxBytes} bytes`;
  }
  return undefined;
}
