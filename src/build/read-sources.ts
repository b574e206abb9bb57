/** Sources from this machine's disk, with the headers that they may include, and with what they import. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { languageOf } from './language.ts';
import { isLinked, type SourceFile, sourcesMaxBytes, sourcesMaxCount } from './options.ts';
import { importCandidates } from './script-imports.ts';

export interface ReadSources {
  readonly sources: SourceFile[];
  /** The include folders by their place among the sources, for the flags. */
  readonly includes: string[];
}

/**
 * Headers are taken from the folders of the sources, and from the include folders and all folders in them.
 * In messages and `#include` a file is named from the folder `base`, or by its whole path where it is not below it.
 * @throws FaasmError `not_found`, `too_large`
 */
export async function readSources(
  paths: readonly string[],
  includes: readonly string[] = [],
  base = '.',
): Promise<ReadSources> {
  const name = (path: string): string => {
    const below = relative(resolve(base), resolve(path));
    return (below.startsWith('..') ? resolve(path) : below).replaceAll('\\', '/');
  };
  const wanted = new Set<string>();
  for (const path of paths) wanted.add(resolve(path));
  const including = paths.filter((path) => !isScript(path));
  for (const folder of new Set(including.map((path) => resolve(dirname(path))))) {
    for (const header of await headersIn(folder, false)) wanted.add(header);
  }
  for (const folder of includes)
    for (const header of await headersIn(resolve(folder), true)) wanted.add(header);
  const sources: SourceFile[] = [];
  let leftBytes = sourcesMaxBytes;
  // What a source imports comes behind it, and is read in its turn.
  for (const path of wanted) {
    if (wanted.size > sourcesMaxCount) {
      throw new FaasmError(
        'too_large',
        `${wanted.size} sources and headers are too many; ${sourcesMaxCount} are allowed`,
      );
    }
    const { size } = await orNotFound(path, stat(path));
    leftBytes -= size;
    if (leftBytes < 0) {
      throw new FaasmError(
        'too_large',
        `With ${quote(name(path))} the sources have more than ${sourcesMaxBytes} bytes`,
      );
    }
    const bytes = await orNotFound(path, readFile(path));
    if (isScript(path)) {
      for (const found of await importsOf(bytes.toString('utf8'), path, base)) wanted.add(found);
    }
    sources.push({ path: name(path), text: isLinked(path) ? new Uint8Array(bytes) : bytes.toString('utf8') });
  }
  return { sources, includes: includes.map((folder) => name(folder) || '.') };
}

const isScript = (path: string): boolean => languageOf(path) === 'AssemblyScript';

/** Imported files that are there; what is not there is the compiler's to say, with the line. */
async function importsOf(text: string, path: string, base: string): Promise<string[]> {
  const found: string[] = [];
  for (const candidates of importCandidates(text, path, resolve(base))) {
    for (const candidate of candidates) {
      const isFile = await stat(candidate).then(
        (entry) => entry.isFile(),
        () => false,
      );
      if (!isFile) continue;
      found.push(candidate);
      break;
    }
  }
  return found;
}

/** What `#include` is used with; files without an extension are libraries' own, as in `<Eigen/Dense>`. */
const isHeader = (name: string): boolean =>
  /\.(h|hh|hpp|hxx|inc|inl|ipp|tpp|def)$/.test(name) || /^\w+$/.test(name);

async function headersIn(folder: string, deep: boolean): Promise<string[]> {
  const entries = await orNotFound(folder, readdir(folder, { withFileTypes: true, recursive: deep }));
  return entries
    .filter(
      (entry) =>
        entry.isFile() && (deep ? isHeader(entry.name) : /\.\w+$/.test(entry.name) && isHeader(entry.name)),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function orNotFound<T>(path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new FaasmError('not_found', `Cannot build from ${quote(path)}: there is no such file or folder`, {
      cause,
    });
  }
}
