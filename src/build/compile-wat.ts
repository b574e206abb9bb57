/** WebAssembly text to a module. */
import { FaasmError } from '../../proto/errors.ts';
import { buildFailure } from './diagnose.ts';
import { languageOf } from './language.ts';
import type { BuildProgress, BuildResult } from './options.ts';
import type { BuildRequest } from './toolchain-messages.ts';

/** What the engine that runs it knows. */
const features = {
  exceptions: true,
  simd: true,
  threads: true,
  function_references: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  gc: true,
  extended_const: true,
  relaxed_simd: true,
};

/** @throws FaasmError `bad_request` */
export async function compileWat(
  { sources }: Pick<BuildRequest, 'sources'>,
  onProgress: BuildProgress,
): Promise<BuildResult> {
  const [source, other] = sources.filter(({ path }) => languageOf(path) !== undefined);
  if (other !== undefined) {
    throw new FaasmError('bad_request', `${other.path} is one source too many: a module is one file of text`);
  }
  const { path, text } = source!;
  onProgress('loading toolchain', '');
  const wabt = await (await import('wabt')).default();
  onProgress('compiling', path);
  try {
    const module = wabt.parseWat(path, text, features);
    try {
      const { buffer } = module.toBinary({ write_debug_names: true });
      return { wasm: new Uint8Array(buffer), warnings: '' };
    } finally {
      module.destroy();
    }
  } catch (thrown) {
    throw buildFailure(path, (thrown as Error).message.replace(/^parseWat failed:\n/, ''));
  }
}
