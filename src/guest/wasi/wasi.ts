/**
 * WASI preview 1 for one Faaslet, over files of its own: nothing of the host's disk is reachable.
 *
 * A call sees the shared tree (file-tree.ts) and writes to a private one (tree.ts) that is forgotten with it. Functions
 * are in a file for each group; they find what they need in one context, throw an `ErrnoFailure` or a `GuestFault`
 * where something is wrong, and are bound here so that the guest gets an errno for it.
 */
import { GuestFault } from '../guest-fault.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { ImportFunctions, ImportTable } from '../port.ts';
import { argsEnvironFunctions } from './args-environ.ts';
import { clockFunctions } from './clock.ts';
import {
  type WasiCall,
  WasiContext,
  type WasiFunction,
  type WasiFunctions,
  type WasiOptions,
  type WasiPowers,
} from './context.ts';
import type { Preopen } from './descriptors.ts';
import { ErrnoFailure, errno } from './errno.ts';
import { fdFunctions } from './fd.ts';
import { fdIoFunctions } from './fd-io.ts';
import { pathFunctions } from './path.ts';
import { pathOpenFunctions } from './path-open.ts';
import { pollFunctions } from './poll.ts';
import { procRandomFunctions } from './proc-random.ts';
import { restoreDescriptors, type SavedDescriptor, saveDescriptors } from './saved-descriptors.ts';
import { sockFunctions } from './sock.ts';
import { wasiTable, wasiUnstableTable } from './table.ts';
import type { FileTree, Tree } from './tree.ts';
import { unstableFunctions } from './unstable.ts';

export type { InputStream, WasiCall, WasiOptions, WasiPowers } from './context.ts';

/** The names that a module may import WASI from. */
export type WasiModule = 'wasi_snapshot_preview1' | 'wasi_unstable';

export interface Wasi {
  /** All of preview 1, made when first asked for. */
  readonly functions: ImportFunctions;
  /**
   * Only those that a module imports, so that a Faaslet holds no more than it uses.
   * A name that the module's table does not have is left out.
   */
  pick(names: Iterable<string>, module?: WasiModule): ImportFunctions;
  /** The files as the call has them. */
  readonly tree: Tree;
  /** For other interfaces to the same files and streams. */
  readonly context: WasiContext;
  /** Between calls: further ones see these files. @throws TypeError when the directory of a preopen is a file */
  show(files: FileTree, preopens: readonly Preopen[]): void;
  /** @throws TypeError as `saveDescriptors`, and when the call has changed files */
  saveDescriptors(): readonly SavedDescriptor[] | undefined;
  /** After `begin`. @returns the path of a shared file that is not what it was */
  restoreDescriptors(saved: readonly SavedDescriptor[]): string | undefined;
  /** A call begins: its arguments, environment and streams, everything else as new. `reset` was called since the last. */
  begin(call: WasiCall): void;
  /** Forgets all that the last call did: its streams, descriptors and files. What still waits is never answered. */
  reset(): void;
}

const preview1: WasiFunctions = {
  ...argsEnvironFunctions,
  ...clockFunctions,
  ...fdFunctions,
  ...fdIoFunctions,
  ...pathFunctions,
  ...pathOpenFunctions,
  ...pollFunctions,
  ...procRandomFunctions,
  ...sockFunctions,
};
const editions: Readonly<Record<WasiModule, WasiFunctions>> = {
  wasi_snapshot_preview1: preview1,
  wasi_unstable: { ...preview1, ...unstableFunctions },
};
const tables: Readonly<Record<WasiModule, ImportTable>> = {
  wasi_snapshot_preview1: wasiTable,
  wasi_unstable: wasiUnstableTable,
};

/** @throws TypeError when the directory of a preopen is not in the files */
export function createWasi(memory: GuestMemory, powers: WasiPowers, options: WasiOptions): Wasi {
  const context = new WasiContext(memory, powers, options);
  let functions: ImportFunctions | undefined;
  const pick = (names: Iterable<string>, module: WasiModule = 'wasi_snapshot_preview1'): ImportFunctions => {
    const picked: ImportFunctions = {};
    for (const name of names) {
      if (Object.hasOwn(tables[module], name)) picked[name] = bind(context, editions[module][name]!);
    }
    return picked;
  };
  return {
    get functions() {
      functions ??= pick(Object.keys(wasiTable));
      return functions;
    },
    pick,
    tree: context.tree,
    context,
    show: (files, preopens) => context.show(files, preopens),
    saveDescriptors: () => {
      const [change] = context.tree.changesIn('');
      if (change !== undefined) throw new TypeError(`it has changed /${change.path}`);
      return saveDescriptors(context);
    },
    restoreDescriptors: (saved) => restoreDescriptors(context, saved),
    begin: (call) => context.begin(call),
    reset: () => context.reset(),
  };
}

function bind(context: WasiContext, work: WasiFunction): ImportFunctions[string] {
  return (...parameters: number[]) => {
    try {
      return work(context, ...parameters);
    } catch (thrown) {
      if (thrown instanceof ErrnoFailure) return thrown.errno;
      if (thrown instanceof GuestFault) return errno.fault;
      throw thrown;
    }
  };
}
