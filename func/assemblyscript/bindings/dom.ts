/** What the standard library has of a browser, by WASI. */
import { clock, monotonic, random_get, realtime, writeLine } from "../faasm/wasi";

export namespace Math {}

export namespace Date {
  /** In milliseconds. */
  export function now(): f64 {
    return <f64>(clock(realtime) / 1_000_000);
  }
}

export namespace performance {
  /** In milliseconds. */
  export function now(): f64 {
    return <f64>clock(monotonic) / 1e6;
  }
}

export namespace crypto {
  export function getRandomValues(array: Uint8Array): void {
    random_get(array.dataStart, array.length);
  }
}

export namespace console {
  export function assert(condition: bool, message: string): void {
    if (!condition) writeLine(`Assertion failed: ${message}`);
  }
  export function log(text: string): void {
    writeLine(text);
  }
  export function debug(text: string): void {
    writeLine(text);
  }
  export function info(text: string): void {
    writeLine(text);
  }
  export function warn(text: string): void {
    writeLine(text);
  }
  export function error(text: string): void {
    writeLine(text);
  }
  export function time(label: string): void {
    timers.set(label, performance.now());
  }
  export function timeLog(label: string): void {
    if (timers.has(label)) writeLine(`${label}: ${performance.now() - timers.get(label)} ms`);
  }
  export function timeEnd(label: string): void {
    timeLog(label);
    timers.delete(label);
  }
}

// @ts-ignore: decorator
@lazy const timers = new Map<string, f64>();
