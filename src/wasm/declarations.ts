import type { Limits } from './limits.ts';
import type { TypeSection } from './type-section.ts';
import type { ValueType } from './types.ts';

/** By the byte that stands for each in imports and exports. */
export const externalKinds = ['function', 'table', 'memory', 'global', 'tag'] as const;

export type ExternalKind = (typeof externalKinds)[number];

export interface MemoryEntry extends Limits {
  readonly imported: boolean;
}

export interface TableEntry extends Limits {
  readonly imported: boolean;
  readonly element: ValueType;
}

export interface GlobalEntry {
  readonly imported: boolean;
  readonly type: ValueType;
  readonly mutable: boolean;
}

export interface ImportEntry {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** In the index space of its kind. */
  readonly index: number;
}

export interface ExportEntry {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
}

/** The index spaces of a module as its sections fill them, imports first. */
export interface Declarations {
  readonly typeCount: number;
  readonly types: TypeSection;
  /** Type index by function index. */
  readonly functions: number[];
  readonly tables: TableEntry[];
  readonly memories: MemoryEntry[];
  readonly globals: GlobalEntry[];
  /** Type index by tag index. */
  readonly tags: number[];
  /** Functions that code may take a reference to, because something outside code names them. */
  readonly declaredFunctions: Set<number>;
  /** What all constants so far make. */
  constantObjectBytes: number;
}
