/**
 * The guest side that comes with Faasm: for C the headers that every build sees, and libfaasm, which it links; for
 * AssemblyScript the SDK.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { packageRoot } from '../package-root.ts';
import type { SourceFile } from './options.ts';

/** What each module is offered, and what only those that need it are. The others have a folder of their name. */
export type LibraryPart = 'common' | 'exceptions' | 'posix';

export interface GuestKit {
  /** sha256 of the whole kit, in hex. */
  readonly version: string;
  /** Paths as in `#include`. */
  readonly headers: readonly SourceFile[];
  /** libfaasm, one file for each thing that a module may or may not need; headers of its own are among them. */
  readonly library: Readonly<Record<LibraryPart, readonly SourceFile[]>>;
  /** Paths as in `import`, below the compiler's library. */
  readonly assemblyscript: readonly SourceFile[];
}

let kit: Promise<GuestKit> | undefined;

/** Read once, until it is read again. */
export function readGuestKit(): Promise<GuestKit> {
  return kit ?? readGuestKitAgain();
}

/** As it is on disk now, for all builds that follow. */
export function readGuestKitAgain(): Promise<GuestKit> {
  const reading = read();
  kit = reading;
  reading.catch(() => {
    if (kit === reading) kit = undefined;
  });
  return reading;
}

async function read(): Promise<GuestKit> {
  const [headers, lib, assemblyscript] = await Promise.all([
    readFolder(join(packageRoot, 'func/include')),
    readFolder(join(packageRoot, 'func/lib')),
    readFolder(join(packageRoot, 'func/assemblyscript')),
  ]);
  const version = createHash('sha256')
    .update(JSON.stringify([headers, lib, assemblyscript]))
    .digest('hex');
  const library = { common: partOf(lib), exceptions: partOf(lib, 'exceptions'), posix: partOf(lib, 'posix') };
  return { version, headers, library, assemblyscript };
}

/** The files of a folder, or without one those in none. */
function partOf(files: readonly SourceFile[], folder?: string): SourceFile[] {
  return files.filter(({ path }) => (path.includes('/') ? path.split('/')[0] : undefined) === folder);
}

async function readFolder(folder: string): Promise<SourceFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
  return Promise.all(
    paths.sort().map(async (path) => ({ path, text: await readFile(join(folder, path), 'utf8') })),
  );
}
