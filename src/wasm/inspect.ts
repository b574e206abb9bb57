/** What a module is, for the decision whether it may be a function. */
import { FaasmError } from '../../proto/errors.ts';
import type { CompileLimits } from './compile-limits.ts';
import type { ExternalKind } from './declarations.ts';
import { checkInitialMemory } from './memory-limit.ts';
import { type ModuleScan, scanModule } from './scan.ts';
import type { Signature } from './types.ts';

export interface ModuleLimits extends Partial<CompileLimits> {
  /** Of all memories of the module together, in pages of 64 KiB. */
  readonly memoryMaxPages: number;
  /** Elements that all tables together may start with. @default 100000 */
  readonly tableMaxElements?: number;
  /** Each may grow to what the engine allows one table. @default 100 */
  readonly tablesMax?: number;
  /** Each takes about 8 GiB of address space, whatever its size. @default 8 */
  readonly memoriesMax?: number;
}

export const defaultModuleLimits = { tableMaxElements: 100_000, tablesMax: 100, memoriesMax: 8 } as const;

export interface ModuleInfo {
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  /** By index; imported ones come first. */
  readonly memories: readonly ModuleMemory[];
  readonly tables: readonly ModuleTable[];
  /** A function runs at instantiation. */
  readonly hasStart: boolean;
  /** Code may change a table: table.set, .grow, .fill, .copy, .init. */
  readonly writesTables: boolean;
  readonly usesDataDrop: boolean;
  readonly usesElemDrop: boolean;
  readonly usesMemoryInit: boolean;
  readonly usesMemoryGrow: boolean;
  /** Code may wait on an address; in a shared memory that blocks the thread. */
  readonly usesAtomicWait: boolean;
  readonly usesSimd: boolean;
  /** How many, imported ones included. */
  readonly mutableGlobals: number;
}

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of a function. */
  readonly signature?: Signature;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of a function. */
  readonly signature?: Signature;
}

export interface ModuleMemory {
  readonly imported: boolean;
  /** The first name under which it is exported. */
  readonly exportName?: string;
  readonly initialPages: number;
  readonly maximumPages?: number;
  readonly shared: boolean;
}

export interface ModuleTable {
  readonly imported: boolean;
  readonly exportName?: string;
  /** As in WebAssembly text: `funcref`. */
  readonly elementType: string;
  readonly initialElements: number;
  readonly maximumElements?: number;
}

/**
 * @throws FaasmError `bad_module` for what is not a module, not whole, or above a limit;
 * `unsupported_module` for a component, memory64 and instructions that are not known
 */
export function inspectModule(bytes: Uint8Array, limits: ModuleLimits): ModuleInfo {
  return inspectScan(scanModule(bytes), limits);
}

/** As `inspectModule`, for a module that has been scanned already. */
export function inspectScan(scan: ModuleScan, limits: ModuleLimits): ModuleInfo {
  checkLimits(scan, limits);
  const { code } = scan;
  return {
    imports: scan.imports.map(({ module, name, kind, index }) => ({
      module,
      name,
      kind,
      ...signatureOf(scan, kind, index),
    })),
    exports: scan.exports.map(({ name, kind, index }) => ({ name, kind, ...signatureOf(scan, kind, index) })),
    memories: scan.memories.map(({ imported, initial, maximum, shared }, index) => ({
      imported,
      ...exportNameOf(scan, 'memory', index),
      initialPages: initial,
      ...(maximum === undefined ? {} : { maximumPages: maximum }),
      shared,
    })),
    tables: scan.tables.map(({ imported, element, initial, maximum }, index) => ({
      imported,
      ...exportNameOf(scan, 'table', index),
      elementType: element.text,
      initialElements: initial,
      ...(maximum === undefined ? {} : { maximumElements: maximum }),
    })),
    hasStart: scan.start !== undefined,
    writesTables: code.writesTables,
    usesDataDrop: code.droppedData.size > 0,
    usesElemDrop: code.droppedElements.size > 0,
    usesMemoryInit: code.initsMemory,
    usesMemoryGrow: code.growsMemory,
    usesAtomicWait: code.waitsOnAtomics,
    usesSimd: code.usesSimd || scan.globals.some(({ type }) => type.letter === 'V') || hasSimdType(scan),
    mutableGlobals: scan.globals.filter(({ mutable }) => mutable).length,
  };
}

function checkLimits({ memories, tables }: ModuleScan, limits: ModuleLimits): void {
  const { memoryMaxPages, tableMaxElements, tablesMax, memoriesMax } = { ...defaultModuleLimits, ...limits };
  if (memories.length > memoriesMax) {
    throw new FaasmError(
      'bad_module',
      `The module has ${memories.length} memories, and the limit is ${memoriesMax}: each takes address space of the host`,
    );
  }
  checkInitialMemory(memories, memoryMaxPages);
  if (tables.length > tablesMax) {
    throw new FaasmError(
      'bad_module',
      `The module has ${tables.length} tables, and the limit is ${tablesMax}`,
    );
  }
  const elements = tables.reduce((sum, { initial }) => sum + initial, 0);
  if (elements > tableMaxElements) {
    throw new FaasmError(
      'bad_module',
      `The tables of the module start with ${elements} elements, and the limit is ${tableMaxElements}; raise FAASM_TABLE_MAX_ELEMENTS`,
    );
  }
}

function signatureOf(scan: ModuleScan, kind: ExternalKind, index: number): { signature?: Signature } {
  if (kind !== 'function') return {};
  return { signature: scan.types.signatures[scan.functions[index]!]! };
}

function exportNameOf(scan: ModuleScan, kind: ExternalKind, index: number): { exportName?: string } {
  const found = scan.exports.find((exported) => exported.kind === kind && exported.index === index);
  return found === undefined ? {} : { exportName: found.name };
}

function hasSimdType({ types }: ModuleScan): boolean {
  return types.signatures.some((signature) => signature.includes('V'));
}
