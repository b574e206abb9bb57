/**
 * A process that rewrites one module with Binaryen's Asyncify, so that the functions it is told can unwind when they
 * read a file, and rewind. It ends when it has answered.
 */
import binaryen from 'binaryen';
import { unwindExports, unwindsSection } from '../faaslet/boot.ts';
import type { AsyncifyAnswer, AsyncifyRequest } from './asyncify.ts';

const reads = ['wasi_snapshot_preview1.fd_read', 'wasi_unstable.fd_read'].join(',');

/** A module uses them also where it does not name them, as those of Go. */
const { Features } = binaryen;
const widespread =
  Features.MutableGlobals |
  Features.SignExt |
  Features.NontrappingFPToInt |
  Features.BulkMemory |
  Features.BulkMemoryOpt |
  Features.Multivalue |
  Features.ReferenceTypes |
  Features.SIMD128;

process.once('message', ({ bytes, functions }: AsyncifyRequest) => {
  let answer: AsyncifyAnswer;
  try {
    answer = { bytes: asyncify(bytes, functions) };
  } catch (thrown) {
    answer = { error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  process.send?.(answer, () => process.disconnect?.());
});

function asyncify(bytes: Uint8Array, functions: readonly number[]): Uint8Array {
  const module = binaryen.readBinary(bytes);
  module.setFeatures(module.getFeatures() | widespread);
  const before = module.getNumFunctions();
  const nameAt = (index: number): string => binaryen.getFunctionInfo(module.getFunctionByIndex(index)).name;
  for (const name of unwindExports) {
    if (module.getExport(name) !== 0) throw new Error(`it exports ${name}: it unwinds by itself`);
  }
  const names = functions.map(nameAt);
  binaryen.setPassArgument('asyncify-imports', reads);
  binaryen.setPassArgument('asyncify-onlylist', names.join(','));
  module.runPasses(['asyncify']);
  if (module.getNumFunctions() < before || functions.some((index, at) => nameAt(index) !== names[at]))
    throw new Error('its functions would have other numbers');
  module.addCustomSection(unwindsSection, new Uint8Array(Uint32Array.from(functions).buffer));
  return module.emitBinary();
}
