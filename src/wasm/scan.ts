/**
 * One walk over a module, from which both its description and its rewritten form are made:
 * header, then each section by its own reader, then every instruction of the code. Nothing here is recursive, and
 * every loop consumes bytes, so the time is linear in the length of the module.
 * What is checked is what the rewrite relies on; that the module is valid is for the engine to say.
 */
import { type CodeFacts, noCode, readCode } from './code.ts';
import {
  readExports,
  readFunctions,
  readGlobals,
  readImports,
  readMemories,
  readTables,
  readTags,
} from './declaration-sections.ts';
import type { Declarations, ExportEntry, ImportEntry } from './declarations.ts';
import { checkHeader, headerBytes } from './header.ts';
import { ByteReader } from './reader.ts';
import { type Section, sectionId, sectionName, splitSections } from './sections.ts';
import { readData, readElements, readFunctionIndex } from './segments.ts';
import { noTypes, readTypes } from './type-section.ts';

export interface ModuleScan extends Declarations {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  readonly imports: readonly ImportEntry[];
  readonly exports: readonly ExportEntry[];
  /** Index of the function that runs at instantiation. */
  readonly start: number | undefined;
  /** By segment, whether it is passive. */
  readonly passiveElements: readonly boolean[];
  readonly passiveData: readonly boolean[];
  readonly code: CodeFacts;
}

/**
 * @throws FaasmError `bad_module` for what is not a module or not whole, `unsupported_module` for a component,
 * memory64 and instructions that are not known
 */
export function scanModule(bytes: Uint8Array): ModuleScan {
  checkHeader(bytes);
  const reader = new ByteReader(bytes);
  reader.position = headerBytes;
  const sections = splitSections(reader);

  const read = <T>(id: number, absent: T, readContent: () => T): T => {
    const section = sections.find((candidate) => candidate.id === id);
    if (section === undefined) return absent;
    reader.position = section.contentStart;
    reader.end = section.end;
    reader.where = `the ${sectionName(id)} section`;
    const content = readContent();
    if (reader.remaining > 0) throw reader.bad(`${reader.remaining} bytes are left over`);
    return content;
  };

  const types = read(sectionId.type, noTypes, () => readTypes(reader));
  const declarations: Declarations = {
    typeCount: types.signatures.length,
    types,
    functions: [],
    tables: [],
    memories: [],
    globals: [],
    tags: [],
    declaredFunctions: new Set(),
    constantObjectBytes: 0,
  };
  const { functions } = declarations;
  const imports = read(sectionId.import, [], () => readImports(reader, declarations));
  const importedFunctions = functions.length;
  read(sectionId.function, undefined, () => readFunctions(reader, declarations));
  read(sectionId.table, undefined, () => readTables(reader, declarations));
  read(sectionId.memory, undefined, () => readMemories(reader, declarations));
  read(sectionId.tag, undefined, () => readTags(reader, declarations));
  read(sectionId.global, undefined, () => readGlobals(reader, declarations));
  const exports = read(sectionId.export, [], () => readExports(reader, declarations));
  const start = read(sectionId.start, undefined, () => readStart(reader, declarations));
  const passiveElements = read(sectionId.element, [], () => readElements(reader, declarations));
  const bodyCount = functions.length - importedFunctions;
  const code = read(sectionId.code, noCode(), () => readCode(reader, declarations, bodyCount, start));
  const passiveData = read(sectionId.data, [], () => readData(reader, declarations));

  if (bodyCount > 0 && !sections.some(({ id }) => id === sectionId.code)) {
    throw reader.bad(`${bodyCount} functions have no body`);
  }
  // The rewrite exports the start function, and what is exported may be referred to.
  if (code.refersToStart && !declarations.declaredFunctions.has(start!)) {
    throw reader.bad(`code refers to function ${start}, which nothing outside code names`);
  }
  return {
    ...declarations,
    bytes,
    sections,
    imports,
    exports,
    start,
    passiveElements,
    passiveData,
    code,
  };
}

function readStart(reader: ByteReader, declarations: Declarations): number {
  const start = readFunctionIndex(reader, declarations);
  const signature = declarations.types.signatures[declarations.functions[start]!];
  if (signature !== ':') throw reader.bad(`the start function ${start} has parameters or results`);
  return start;
}
