/**
 * V8 settings that contain hostile modules. They have to be set before the first module is compiled, so this file is
 * imported before all others.
 *
 * - Without dynamic tiering, a loop over a large `memory.fill` can be stopped; with it, the thread never ends.
 * - A table over the limit is refused; without the limit it aborts the process.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-wasm-dynamic-tiering');
setFlagsFromString('--wasm-max-table-size=100000');
setFlagsFromString('--wasm-max-mem-pages=65536');
