/** What a module needs whatever its program imports. */
import { random_get, writeLine } from "./wasi";

/** Where a program fails: the reason goes to the call's log, and so into its error. */
export function abort(message: string | null = null, file: string | null = null, line: u32 = 0, column: u32 = 0): void {
  const reason = message ? message : "abort";
  writeLine(file && line > 0 ? `${reason} (${file}:${line}:${column})` : reason);
  unreachable();
}

export function trace(
  message: string, count: i32 = 0, a: f64 = 0, b: f64 = 0, c: f64 = 0, d: f64 = 0, e: f64 = 0): void {
  const numbers: StaticArray<f64> = [a, b, c, d, e];
  let line = `trace: ${message}`;
  for (let each = 0; each < count; each++) line += `${each == 0 ? " " : ", "}${numbers[each]}`;
  writeLine(line);
}

/** Of Math.random(), once in the life of a Faaslet. */
export function seed(): f64 {
  const bytes = memory.data(8);
  random_get(bytes, 8);
  return reinterpret<f64>(load<u64>(bytes));
}

/** The host puts the output of a chained call there. */
export function malloc(size: usize): usize {
  return heap.alloc(size);
}

// The heap is made before the snapshot, and not by each call.
heap.free(heap.alloc(8));
