/**
 * Which directories a guest finds open when it starts, for WASI has no working directory.
 *
 * wasi-libc drops the slash that a path begins with and takes the preopen with the longest name that the path begins
 * with, of equals the last: `.` has a name of no length, and so has `/`. Behind the root and each of its directories
 * under its own name, the working directory as `.` is thus where relative paths begin, and `/tmp/x` is where it was.
 * A relative path that begins with the name of a directory of the root is taken to mean that one.
 * Others, Go among them, go by the environment variable `PWD` and the root alone.
 */
import type { Preopen } from './descriptors.ts';
import type { FileTree } from './file-tree.ts';

export const rootAlone: readonly Preopen[] = [{ name: '/', directory: '' }];

/** A libc of 2019 takes no relative path from anywhere but `.`. */
const rootTwice: readonly Preopen[] = [...rootAlone, { name: '.', directory: '' }];

/** @param cwd absolute, and plain */
export function toPreopens(cwd: string, { root }: FileTree): readonly Preopen[] {
  const directory = cwd.slice(1);
  if (directory === '') return rootTwice;
  const names = new Set(root.names.filter((name) => root.entries.get(name)?.kind === 'directory'));
  names.add(directory.split('/', 1)[0]!);
  return [
    ...rootAlone,
    ...[...names].map((name) => ({ name: `/${name}`, directory: name })),
    { name: '.', directory },
  ];
}
