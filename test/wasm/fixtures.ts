/** Modules for tests: from WebAssembly text, or put together of bytes where the text translator knows no form. */
import wabtInit from 'wabt';
import { FaasmError } from '../../proto/errors.ts';
import { encodeU32 } from '../../src/wasm/writer.ts';

const wabt = await wabtInit();

const features = {
  exceptions: true,
  threads: true,
  simd: true,
  multi_memory: true,
  tail_call: true,
  reference_types: true,
  bulk_memory: true,
};

export function fromWat(text: string): Uint8Array<ArrayBuffer> {
  const module = wabt.parseWat('test.wat', text, features);
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

export function fromSections(...sections: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...header, ...sections.flat()]);
}

export function section(id: number, content: readonly number[]): number[] {
  return [id, ...encodeU32(content.length), ...content];
}

/** Function bodies without locals, as the code section. */
export function codeSection(...bodies: readonly (readonly number[])[]): number[] {
  const entries = bodies.flatMap((body) => [...encodeU32(body.length + 1), 0, ...body]);
  return section(10, [...encodeU32(bodies.length), ...entries]);
}

/** The code section of two bodies, of which the first has locals. */
export function codeWithLocals(
  locals: readonly number[],
  first: readonly number[],
  second: readonly number[],
): number[] {
  const size = encodeU32(locals.length + first.length);
  return section(10, [2, ...size, ...locals, ...first, second.length + 1, 0, ...second]);
}

export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

// biome-ignore lint/suspicious/noExplicitAny: what a test module exports is known to the test
export type Exports = Record<string, any>;

export function instantiate(bytes: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports = {}): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports;
}

/** What it throws, which has to be a FaasmError, as `code: message`. */
export function refusal(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof FaasmError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  return 'not refused';
}
