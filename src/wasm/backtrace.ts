/** The frames of a guest out of an engine's stack trace, the innermost first, under the names that people gave them. */
import { demangle } from './demangle/demangle.ts';

const framesMax = 30;
/** What the engine is to write down of a stack where guests run: host functions are frames too. */
export const stackTraceLimit = framesMax + 20;

const frame = /^\s*at (?:(?<name>.*) \()?wasm:\/\/wasm\/.*?(?<place>wasm-function\[\d+\]:0x[0-9a-f]+)\)?$/;
const more = 'at ... (further frames are not shown)';

/** Nothing where no guest is on the stack. */
export function toBacktrace(stack: string, limit = stackTraceLimit): string | undefined {
  const lines = stack.split('\n').filter((line) => /^\s*at /.test(line));
  const frames = lines.flatMap((line) => {
    const { name, place } = frame.exec(line)?.groups ?? {};
    return place === undefined
      ? []
      : [name === undefined ? `at (${place})` : `at ${demangle(name)} (${place})`];
  });
  if (frames.length === 0) return undefined;
  const isCut = frames.length > framesMax || lines.length >= limit;
  return [...frames.slice(0, framesMax), ...(isCut ? [more] : [])].join('\n');
}
