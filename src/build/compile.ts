/** A build, inside the toolchain's process: sources to a module. Each language's compiler is loaded when first used. */

import { languageOfAll } from './language.ts';
import type { BuildProgress, BuildResult } from './options.ts';
import type { PrecompiledPreambles } from './precompiled-preambles.ts';
import type { BuildRequest } from './toolchain-messages.ts';

/** @throws FaasmError `bad_request` with what the compiler or linker says */
export async function compile(
  request: BuildRequest,
  preambles: PrecompiledPreambles,
  onProgress: BuildProgress,
): Promise<BuildResult> {
  switch (languageOfAll(request.sources.map(({ path }) => path))) {
    case 'C':
      return (await import('./compile-c.ts')).compileC(request, preambles, onProgress);
    case 'AssemblyScript':
      return (await import('./compile-assemblyscript.ts')).compileAssemblyScript(request, onProgress);
    case 'WebAssembly text':
      return (await import('./compile-wat.ts')).compileWat(request, onProgress);
  }
}
