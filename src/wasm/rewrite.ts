/**
 * The module as it is run: what a reset has to bring back is exported, what it may take is bounded.
 *
 *   type      + the type of the functions that are added
 *   import    each memory's maximum
 *   function  + one grow function for each memory that code grows, two that look whether the guest has to end,
 *               one for each size of elements of arrays that are made, and one of those that are filled
 *   memory    each memory's maximum
 *   global    + the pages that were denied
 *   export    + mutable globals, memories, the start function, the denied pages
 *   start     removed: the engine calls the exported function, once, before it takes the snapshot
 *   code      memory.grow becomes a call to a grow function; tail calls and what is done in bulk can be interrupted,
 *             lengths of arrays are bounded
 *
 * What is added stands at the end of its index space, so no index that was there changes its meaning.
 */
import { AddedExports } from './added-exports.ts';
import { checkInitialMemory } from './memory-limit.ts';
import { unrestorableReasons } from './restorable.ts';
import { rewriteSections } from './rewritten-sections.ts';
import { type ModuleScan, scanModule } from './scan.ts';

export interface RewriteOptions {
  /** The most that the memories of an instance may have together, in pages of 64 KiB. */
  readonly memoryMaxPages: number;
}

export interface RewrittenModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * Export names of the mutable globals that JavaScript can set, by index, imported ones included.
   * `deniedGrowth` is the last of them, so that a reset clears it.
   */
  readonly mutableGlobals: readonly string[];
  /** Export name of memory 0. */
  readonly memory: string | undefined;
  /** Export names of all memories, by index. */
  readonly memories: readonly string[];
  /** Export name of the function to call once after instantiation. */
  readonly start: string | undefined;
  /** Export name of an i32 global: how many pages were last asked for in vain, unsigned; 0 when none were. */
  readonly deniedGrowth: string | undefined;
  /** A reset of memory 0 and of `mutableGlobals` brings back all that a call can change. */
  readonly restorable: boolean;
  /** Why it is not restorable. */
  readonly reasons: readonly string[];
}

/** @throws FaasmError `bad_module`, `unsupported_module`, as `inspectModule` does */
export function rewriteModule(bytes: Uint8Array, options: RewriteOptions): RewrittenModule {
  return rewriteScan(scanModule(bytes), options);
}

/** As `rewriteModule`, for a module that has been scanned already. */
export function rewriteScan(scan: ModuleScan, { memoryMaxPages }: RewriteOptions): RewrittenModule {
  checkInitialMemory(scan.memories, memoryMaxPages);
  const exports = new AddedExports(scan.exports);
  const memories = scan.memories.map(
    (_, index) => exports.ofMemory(index) ?? exports.add('memory', index, `__faasm_memory_${index}`),
  );
  const mutableGlobals: string[] = [];
  for (const [index, { mutable, type }] of scan.globals.entries()) {
    if (mutable && type.settable)
      mutableGlobals.push(exports.add('global', index, `__faasm_global_${index}`));
  }
  const start = scan.start === undefined ? undefined : exports.add('function', scan.start, '__faasm_start');
  const deniedGrowth =
    scan.code.changedBodies.length > 0
      ? exports.add('global', scan.globals.length, '__faasm_denied_growth')
      : undefined;
  if (deniedGrowth !== undefined) mutableGlobals.push(deniedGrowth);

  const reasons = unrestorableReasons(scan);
  return {
    bytes: rewriteSections(scan, exports, memoryMaxPages),
    mutableGlobals,
    memory: memories[0],
    memories,
    start,
    deniedGrowth,
    restorable: reasons.length === 0,
    reasons,
  };
}
