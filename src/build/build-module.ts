/** Sources to a module that can be uploaded. */
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import { readGuestKit } from './guest-kit.ts';
import { type BuildOptions, type BuildResult, toBuildFlags, toBuildSources } from './options.ts';
import { createToolchain, type Toolchain } from './toolchain.ts';

let shared: Toolchain | undefined;

/**
 * In C++, a program that defines `faasm::exec` becomes a module with the entry `exec`, one that defines `main` a WASI command.
 * At most two builds run at once; others wait for their turn.
 * @throws FaasmError `bad_request` with the compiler's own message, `too_large`, `deadline_exceeded`
 */
export async function buildModule(options: BuildOptions): Promise<BuildResult> {
  const sources = toBuildSources(options.sources);
  const flags = toBuildFlags(options.flags);
  const kit = await readGuestKit();
  shared ??= createToolchain();
  const result = await shared.build(
    { sources, flags, kit, objectsFolder: options.objectsFolder },
    options.onProgress,
    { stepMaxMs: options.stepMaxMs },
  );
  if (options.output !== undefined) await writeModule(options.output, result.wasm);
  return result;
}

/** Ends the toolchain's processes; the next build starts them again. */
export async function stopToolchain(): Promise<void> {
  const toolchain = shared;
  shared = undefined;
  await toolchain?.[Symbol.asyncDispose]();
}

export async function writeModule(path: string, wasm: Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  await writeFile(path, wasm);
}
