import { FaasmError } from '../../proto/errors.ts';

export const headerBytes = 8;

/** First bytes of what gets uploaded by mistake, and what it is. */
const lookalikes: readonly (readonly [prefix: string, what: string])[] = [
  ['\x7fELF', 'an ELF file, a program for Linux'],
  ['\xcf\xfa\xed\xfe', 'a Mach-O file, a program for macOS'],
  ['\xca\xfe\xba\xbe', 'a Java class or a Mach-O file'],
  ['MZ', 'a program for Windows'],
  ['\x1f\x8b', 'gzip data; unpack it first'],
  ['\x28\xb5\x2f\xfd', 'zstd data; unpack it first'],
  ['\xfd7zXZ', 'xz data; unpack it first'],
  ['PK\x03\x04', 'a zip archive; unpack it first'],
  ['!<arch>\n', 'a static library; link it first'],
  ['BC\xc0\xde', 'LLVM bitcode; compile and link it first'],
  ['#!', 'a script'],
];

/** What text starts with, in small letters and without leading blanks. */
const textLookalikes: readonly (readonly [prefix: string, what: string])[] = [
  ['(module', 'WebAssembly text; translate it first, with wat2wasm'],
  ['(component', 'WebAssembly text; translate it first, with wasm-tools parse'],
  [';;', 'WebAssembly text; translate it first, with wat2wasm'],
  ['<!doctype html', 'an HTML page; was it a failed download?'],
  ['<html', 'an HTML page; was it a failed download?'],
  ['<?xml', 'an XML document; was it a failed download?'],
  ['{', 'JSON; was it a failed download?'],
];

/** @throws FaasmError `bad_module` for what is no module, `unsupported_module` for a component */
export function checkHeader(bytes: Uint8Array): void {
  if (bytes.length === 0) throw notModule('the upload is empty');
  const start = String.fromCharCode(...bytes.subarray(0, 64));
  if (!start.startsWith('\0asm')) throw notModule(`it looks like ${describe(start)}`);
  if (bytes.length < headerBytes) throw notModule(`it is truncated to ${bytes.length} bytes`);

  const version = bytes[4]! | (bytes[5]! << 8);
  const layer = bytes[6]! | (bytes[7]! << 8);
  if (layer === 1) {
    throw new FaasmError(
      'unsupported_module',
      'This is a WebAssembly component, and a function is a core module: build it with target wasm32-wasip1, ' +
        'or take the core module out of it with `wasm-tools component unbundle`',
    );
  }
  if (version !== 1 || layer !== 0)
    throw notModule(`its version is ${version}, layer ${layer}, instead of 1, 0`);
}

function notModule(reason: string): FaasmError {
  return new FaasmError(
    'bad_module',
    `Not a WebAssembly module: ${reason}; upload the .wasm file that a compiler with target wasm32-wasip1 makes`,
  );
}

function describe(start: string): string {
  const text = start.trimStart().toLowerCase();
  const found =
    lookalikes.find(([prefix]) => start.startsWith(prefix)) ??
    textLookalikes.find(([prefix]) => text.startsWith(prefix));
  if (found !== undefined) return found[1];
  return /^[\t\n\r\x20-\x7e]*$/.test(start) ? 'text' : 'unknown binary data';
}
