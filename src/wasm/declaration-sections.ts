/** The sections that fill a module's index spaces, and the exports out of them. */
import { readConstant } from './constant.ts';
import {
  type Declarations,
  type ExportEntry,
  type ExternalKind,
  externalKinds,
  type GlobalEntry,
  type ImportEntry,
} from './declarations.ts';
import { readMemoryLimits, readTableLimits } from './limits.ts';
import type { ByteReader } from './reader.ts';
import { structureLimits } from './structure-limits.ts';
import { readReferenceType, readValueType } from './types.ts';

export function readImports(reader: ByteReader, declarations: Declarations): ImportEntry[] {
  const imports: ImportEntry[] = [];
  for (let left = reader.count('imports', structureLimits.imports); left > 0; left--) {
    const module = reader.name();
    const name = reader.name();
    const kind = readKind(reader);
    imports.push({ module, name, kind, index: readImported(reader, kind, declarations) });
  }
  return imports;
}

/** Adds what is imported to its index space and gives its index there. */
function readImported(reader: ByteReader, kind: ExternalKind, declarations: Declarations): number {
  const { functions, tables, memories, globals, tags } = declarations;
  switch (kind) {
    case 'function':
      return functions.push(readFunctionType(reader, declarations)) - 1;
    case 'table': {
      const element = readReferenceType(reader, declarations.typeCount);
      return tables.push({ ...readTableLimits(reader), element, imported: true }) - 1;
    }
    case 'memory':
      return memories.push({ ...readMemoryLimits(reader), imported: true }) - 1;
    case 'global':
      return globals.push({ ...readGlobalType(reader, declarations.typeCount), imported: true }) - 1;
    case 'tag':
      return tags.push(readTag(reader, declarations)) - 1;
  }
}

export function readFunctions(reader: ByteReader, declarations: Declarations): void {
  for (let left = reader.count('functions', structureLimits.functions); left > 0; left--) {
    declarations.functions.push(readFunctionType(reader, declarations));
  }
  checkCount(reader, 'functions', declarations.functions, structureLimits.functions);
}

export function readTables(reader: ByteReader, declarations: Declarations): void {
  const { tables, typeCount } = declarations;
  for (let left = reader.count('tables', structureLimits.tables); left > 0; left--) {
    const initialised = reader.peek() === 0x40;
    if (initialised) {
      reader.skip(1);
      if (reader.u8() !== 0) throw reader.bad('a table has an unknown form');
    }
    const element = readReferenceType(reader, typeCount);
    tables.push({ ...readTableLimits(reader), element, imported: false });
    if (initialised) readConstant(reader, declarations);
  }
  checkCount(reader, 'tables', tables, structureLimits.tables);
}

export function readMemories(reader: ByteReader, { memories }: Declarations): void {
  for (let left = reader.count('memories', structureLimits.memories); left > 0; left--) {
    memories.push({ ...readMemoryLimits(reader), imported: false });
  }
  checkCount(reader, 'memories', memories, structureLimits.memories);
}

export function readTags(reader: ByteReader, declarations: Declarations): void {
  for (let left = reader.count('tags', structureLimits.tags); left > 0; left--) {
    declarations.tags.push(readTag(reader, declarations));
  }
}

export function readGlobals(reader: ByteReader, declarations: Declarations): void {
  const { globals, typeCount } = declarations;
  for (let left = reader.count('globals', structureLimits.globals); left > 0; left--) {
    const global = { ...readGlobalType(reader, typeCount), imported: false };
    readConstant(reader, declarations);
    globals.push(global);
  }
  checkCount(reader, 'globals', globals, structureLimits.globals);
}

export function readExports(reader: ByteReader, declarations: Declarations): ExportEntry[] {
  const spaces: Record<ExternalKind, readonly unknown[]> = {
    function: declarations.functions,
    table: declarations.tables,
    memory: declarations.memories,
    global: declarations.globals,
    tag: declarations.tags,
  };
  const exports: ExportEntry[] = [];
  for (let left = reader.count('exports', structureLimits.exports); left > 0; left--) {
    const name = reader.name();
    const kind = readKind(reader);
    const index = reader.u32();
    if (index >= spaces[kind].length) throw reader.bad(`${kind} ${index} does not exist`);
    if (kind === 'function') declarations.declaredFunctions.add(index);
    exports.push({ name, kind, index });
  }
  return exports;
}

function readKind(reader: ByteReader): ExternalKind {
  const code = reader.u8();
  const kind = externalKinds[code];
  if (kind === undefined) throw reader.bad(`the kind ${code} of an import or export is unknown`);
  return kind;
}

function readFunctionType(reader: ByteReader, { types }: Declarations): number {
  const index = reader.u32();
  const signature = types.signatures[index];
  if (signature === undefined) throw reader.bad(`type ${index} does not exist`);
  if (signature === '') throw reader.bad(`type ${index} is not one of functions`);
  return index;
}

function readTag(reader: ByteReader, declarations: Declarations): number {
  if (reader.u8() !== 0) throw reader.bad('a tag is not for exceptions');
  return readFunctionType(reader, declarations);
}

function readGlobalType(reader: ByteReader, typeCount: number): Pick<GlobalEntry, 'type' | 'mutable'> {
  const type = readValueType(reader, typeCount);
  const mutability = reader.u8();
  if (mutability > 1) throw reader.bad('a global is neither constant nor mutable');
  return { type, mutable: mutability === 1 };
}

/** Imported and defined ones together; a vector alone is bounded where it is read. */
function checkCount(reader: ByteReader, what: string, entries: readonly unknown[], countMax: number): void {
  if (entries.length > countMax) {
    throw reader.bad(`it has ${entries.length} ${what} with those it imports, and the limit is ${countMax}`);
  }
}
