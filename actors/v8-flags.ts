/**
 * V8 settings that contain hostile modules. They have to be set before the first module is compiled, so this file is
 * imported before all others.
 *
 * - Without dynamic tiering, a loop over a large `memory.fill` can be stopped; with it, the thread never ends.
 * - A table over the limit is refused; without the limit it aborts the process. A host may be set to allow larger ones.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-wasm-dynamic-tiering');
setFlagsFromString('--wasm-max-table-size=100000');
setFlagsFromString('--wasm-max-mem-pages=65536');

/** Of each table, at the start and when it grows. The hosts of one process share the largest that one of them allows. */
export function allowTables(elements: number): void {
  allowed = Math.max(allowed, Math.min(elements, tableElementsMax));
  setFlagsFromString(`--wasm-max-table-size=${allowed}`);
}

let allowed = 0;

/** V8's own bound. */
const tableElementsMax = 10_000_000;
