/** The process of the standard library: a call. */
import {
  args_get, args_sizes_get, clock, environ_get, environ_sizes_get, monotonic, proc_exit, readTexts, realtime,
} from "./faasm/wasi";

export namespace process {
  // @ts-ignore: decorator
  @lazy export const arch = "wasm32";
  // @ts-ignore: decorator
  @lazy export const platform = "wasi";
  /** The function's name, then its arguments. */
  // @ts-ignore: decorator
  @lazy export const argv = readTexts(args_sizes_get, args_get);
  // @ts-ignore: decorator
  @lazy export const env = environment();
  // @ts-ignore: decorator
  @lazy export let exitCode = 0;

  export function exit(code: i32 = exitCode): void {
    proc_exit(code);
    unreachable();
  }

  /** In milliseconds. */
  export function time(): i64 {
    return clock(realtime) / 1_000_000;
  }

  /** In nanoseconds. */
  export function hrtime(): u64 {
    return clock(monotonic);
  }
}

function environment(): Map<string, string> {
  const variables = new Map<string, string>();
  const texts = readTexts(environ_sizes_get, environ_get);
  for (let each = 0; each < texts.length; each++) {
    const equals = texts[each].indexOf("=");
    if (equals > 0) variables.set(texts[each].slice(0, equals), texts[each].slice(equals + 1));
  }
  return variables;
}
