/** The arguments and the environment of the call. */
import type { GuestMemory } from '../guest-memory.ts';
import type { Strings, WasiContext, WasiFunctions } from './context.ts';
import { errno } from './errno.ts';
import { place, writeU32 } from './layout.ts';

const utf8 = new TextEncoder();

export const argsEnvironFunctions = {
  args_get: (context, pointers: number, buffer: number) =>
    writeStrings(context.memory, argumentStrings(context), pointers, buffer),
  args_sizes_get: (context, count: number, byteLength: number) =>
    writeSizes(context.memory, argumentStrings(context), count, byteLength),
  environ_get: (context, pointers: number, buffer: number) =>
    writeStrings(context.memory, environmentStrings(context), pointers, buffer),
  environ_sizes_get: (context, count: number, byteLength: number) =>
    writeSizes(context.memory, environmentStrings(context), count, byteLength),
} satisfies WasiFunctions;

// A guest asks twice, for the sizes and then for the strings: they are encoded once.

function argumentStrings(context: WasiContext): Strings {
  const { args } = context.call;
  if (context.encodedArgs?.of !== args) context.encodedArgs = encode(args, args);
  return context.encodedArgs;
}

function environmentStrings(context: WasiContext): Strings {
  const { env } = context.call;
  if (context.encodedEnv?.of !== env) {
    const texts = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    context.encodedEnv = encode(texts, env);
  }
  return context.encodedEnv;
}

function encode(texts: readonly string[], of: object): Strings {
  const starts: number[] = [];
  const parts: Uint8Array[] = [];
  let byteLength = 0;
  for (const text of texts) {
    const part = utf8.encode(`${text}\0`);
    starts.push(byteLength);
    parts.push(part);
    byteLength += part.length;
  }
  const bytes = new Uint8Array(byteLength);
  for (const [index, part] of parts.entries()) bytes.set(part, starts[index]);
  return { bytes, starts, of };
}

function writeSizes(memory: GuestMemory, strings: Strings, count: number, byteLength: number): number {
  writeU32(memory, count, strings.starts.length);
  writeU32(memory, byteLength, strings.bytes.length);
  return errno.success;
}

function writeStrings(memory: GuestMemory, strings: Strings, pointers: number, buffer: number): number {
  const table = place(memory, pointers, strings.starts.length * 4);
  memory.bytes(buffer, strings.bytes.length).set(strings.bytes);
  const view = memory.view();
  for (const [index, start] of strings.starts.entries())
    view.setUint32(table + index * 4, (buffer >>> 0) + start, true);
  return errno.success;
}
