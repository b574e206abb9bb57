/**
 * The preamble of a C++ source: the lines at its top that include standard headers and nothing else.
 * Reading those headers is most of the work (1.9 s of the 2.0 s for `<string>`), and it is the same work for every
 * edit of the source; precompiled, it is 0.3 s.
 */

const include = /^[ \t]*#[ \t]*include[ \t]*<([a-z_]+)>[ \t]*(?:\/\/.*)?$/;
const nothing = /^[ \t]*(?:\/\/.*)?$/;

/** Headers that are read so fast that it does not pay. */
const light = new Set([
  'cassert',
  'cctype',
  'cerrno',
  'cfloat',
  'cinttypes',
  'climits',
  'cstddef',
  'cstdint',
  'cstdio',
  'cstdlib',
  'cstring',
  'initializer_list',
  'new',
  'version',
]);

/**
 * The includes, one a line, as they stand in the source; nothing when precompiling them would not pay.
 * A preamble ends at the first line that is anything else, for that may change what a header means.
 */
export function preambleOf(text: string): string | undefined {
  const headers: string[] = [];
  let inComment = false;
  for (const line of text.split(/\r?\n/)) {
    if (inComment) {
      if (!/^(?:(?!\*\/).)*(?:\*\/\s*)?$/.test(line)) break;
      inComment = !line.includes('*/');
      continue;
    }
    const header = include.exec(line)?.[1];
    if (header !== undefined) headers.push(header);
    else if (/^\s*\/\*(?:(?!\*\/).)*$/.test(line)) inComment = true;
    else if (!nothing.test(line) && !/^\s*\/\*(?:(?!\*\/).)*\*\/\s*$/.test(line)) break;
  }
  if (headers.every((header) => light.has(header))) return undefined;
  return headers.map((header) => `#include <${header}>\n`).join('');
}
