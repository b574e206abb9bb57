/** A host of a few lines: enough for functions that read an input and write an output. */
export interface GuestRun {
  readonly returnValue: number;
  readonly output: string;
}

/** Runs a module with the entry `exec`; imports other than input and output fail when they are called. */
export async function runExec(
  wasm: Uint8Array<ArrayBuffer>,
  input: Uint8Array | string = '',
  beforeCall?: (exports: Record<string, () => unknown>) => void,
): Promise<GuestRun> {
  const bytes = Buffer.from(input);
  let output = Buffer.alloc(0);
  const module = await WebAssembly.compile(wasm);
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => {
      throw new Error(`${from}.${name} was called`);
    };
  }
  const memory = (): Uint8Array => new Uint8Array((instance.exports.memory as WebAssembly.Memory).buffer);
  Object.assign((imports.env ??= {}), {
    __faasm_read_input(at: number, length: number) {
      memory().set(bytes.subarray(0, length), at);
      return bytes.length;
    },
    __faasm_write_output(at: number, length: number) {
      output = Buffer.from(memory().slice(at, at + length));
    },
  });
  const instance = await WebAssembly.instantiate(module, imports);
  const exports = instance.exports as Record<string, () => unknown>;
  exports._initialize!();
  beforeCall?.(exports);
  return { returnValue: exports.exec!() as number, output: output.toString('latin1') };
}

export function importsOf(wasm: Uint8Array<ArrayBuffer>): string[] {
  return WebAssembly.Module.imports(new WebAssembly.Module(wasm)).map(
    ({ module, name }) => `${module}.${name}`,
  );
}

export function exportsOf(wasm: Uint8Array<ArrayBuffer>): string[] {
  return WebAssembly.Module.exports(new WebAssembly.Module(wasm)).map(({ name }) => name);
}
