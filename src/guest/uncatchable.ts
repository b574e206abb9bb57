/**
 * What a host function throws to end its call, made so that no handler of the guest catches it: not `catch_all`, which
 * catches whatever JavaScript throws, but for what the engine itself threw as a trap.
 */
import type { ImportFunctions } from './port.ts';

/** (module (func (export "trap") unreachable)) */
const trapModule = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0],
  ...[7, 8, 1, 4, 0x74, 0x72, 0x61, 0x70, 0, 0, 10, 5, 1, 3, 0, 0x00, 0x0b],
);
const { trap } = new WebAssembly.Instance(new WebAssembly.Module(trapModule)).exports as { trap(): never };

/** By trap, what it stands for. */
const carried = new WeakMap<object, unknown>();

/** The host function for a guest that catches exceptions; those of guests pass through it. */
export function beyondCatching(host: ImportFunctions[string]): ImportFunctions[string] {
  return (...parameters) => {
    try {
      const value: unknown = host(...parameters);
      return value instanceof Promise ? value.catch(rethrow) : value;
    } catch (thrown) {
      return rethrow(thrown);
    }
  };
}

/** What was thrown by the host, or by the guest itself. */
export function toThrown(caught: unknown): unknown {
  return typeof caught === 'object' && caught !== null && carried.has(caught) ? carried.get(caught) : caught;
}

function rethrow(thrown: unknown): never {
  if (thrown instanceof WebAssembly.Exception || thrown instanceof WebAssembly.RuntimeError) throw thrown;
  try {
    return trap();
  } catch (caught) {
    carried.set(caught as object, thrown);
    throw caught;
  }
}
