import { FaasmError } from '../../../proto/errors.ts';
import type { Declarations } from './declarations.ts';
import { InstructionReader } from './instruction-reader.ts';
import { opcodes } from './instructions.ts';
import type { ByteReader } from './reader.ts';
import { structureLimits } from './structure-limits.ts';
import { readValueType } from './types.ts';

/** A memory.grow in the code. */
export interface GrowSite {
  readonly start: number;
  readonly end: number;
  readonly memory: number;
}

/** A function body that grows a memory. */
export interface GrowingBody {
  /** Where its size stands, before the body itself. */
  readonly sizeStart: number;
  readonly start: number;
  readonly end: number;
  readonly sites: readonly GrowSite[];
}

/** What the walk over all code has found. */
export interface CodeFacts {
  readonly growingBodies: GrowingBody[];
  readonly droppedData: Set<number>;
  readonly droppedElements: Set<number>;
  /** Code takes a reference to the start function. */
  refersToStart: boolean;
  /** try with catch, catch_all or delegate in it. */
  usesLegacyExceptions: boolean;
  /** try_table, throw_ref, or a value that refers to an exception. */
  usesExceptionReferences: boolean;
  writesTables: boolean;
  initsMemory: boolean;
  waitsOnAtomics: boolean;
  usesSimd: boolean;
}

export function noCode(): CodeFacts {
  return {
    growingBodies: [],
    droppedData: new Set(),
    droppedElements: new Set(),
    refersToStart: false,
    usesLegacyExceptions: false,
    usesExceptionReferences: false,
    writesTables: false,
    initsMemory: false,
    waitsOnAtomics: false,
    usesSimd: false,
  };
}

/**
 * Walks over every instruction of the code section.
 * @param bodyCount functions that the function section declares
 */
export function readCode(
  reader: ByteReader,
  declarations: Declarations,
  bodyCount: number,
  start: number | undefined,
): CodeFacts {
  const count = reader.u32();
  if (count !== bodyCount) throw reader.bad(`it has ${count} bodies for ${bodyCount} functions`);
  const facts = noCode();
  let growCount = 0;
  const sectionEnd = reader.end;
  const instructions = new InstructionReader(reader, {
    types: declarations.typeCount,
    functions: declarations.functions.length,
    globals: declarations.globals.length,
  });
  for (let left = count; left > 0; left--) {
    const sizeStart = reader.position;
    const byteLength = reader.u32();
    const bodyStart = reader.position;
    if (byteLength > reader.remaining) throw reader.truncated();
    reader.end = bodyStart + byteLength;
    readLocals(reader, declarations.typeCount, facts);
    const sites = readBody(reader, instructions, facts, start, structureLimits.memoryGrows - growCount);
    growCount += sites.length;
    if (sites.length > 0) {
      checkMemories(reader, sites, declarations);
      facts.growingBodies.push({ sizeStart, start: bodyStart, end: reader.end, sites });
    }
    reader.end = sectionEnd;
  }
  if (instructions.namesExceptions) facts.usesExceptionReferences = true;
  checkExceptions(facts);
  return facts;
}

/** V8 refuses a mixture, but not every time it sees the same module: its threads validate functions independently. */
function checkExceptions({ usesLegacyExceptions, usesExceptionReferences }: CodeFacts): void {
  if (!usesLegacyExceptions || !usesExceptionReferences) return;
  throw new FaasmError(
    'unsupported_module',
    'The module mixes legacy exception handling (try) with the newer kind (try_table, exnref), which the engine ' +
      'does not run: build all of it with one of them',
  );
}

function readLocals(reader: ByteReader, typeCount: number, facts: CodeFacts): void {
  for (let left = reader.count('groups of locals'); left > 0; left--) {
    reader.u32();
    const { letter, exception } = readValueType(reader, typeCount);
    if (letter === 'V') facts.usesSimd = true;
    if (exception) facts.usesExceptionReferences = true;
  }
}

/** Reads instructions up to the end of the body and gives those that grow a memory. */
function readBody(
  reader: ByteReader,
  instructions: InstructionReader,
  facts: CodeFacts,
  start: number | undefined,
  sitesMax: number,
): readonly GrowSite[] {
  let sites: GrowSite[] | undefined;
  while (reader.position < reader.end) {
    const position = reader.position;
    const opcode = instructions.next();
    switch (opcode) {
      case opcodes.memoryGrow:
        sites ??= [];
        if (sites.length >= sitesMax) {
          throw reader.bad(`it grows memory in more than ${structureLimits.memoryGrows} places`);
        }
        sites.push({ start: position, end: reader.position, memory: instructions.operand });
        break;
      case opcodes.refFunc:
        if (instructions.operand === start) facts.refersToStart = true;
        break;
      case opcodes.try:
        facts.usesLegacyExceptions = true;
        break;
      case opcodes.tryTable:
      case opcodes.throwRef:
        facts.usesExceptionReferences = true;
        break;
      case opcodes.tableSet:
      case opcodes.tableInit:
      case opcodes.tableCopy:
      case opcodes.tableGrow:
      case opcodes.tableFill:
        facts.writesTables = true;
        break;
      case opcodes.memoryInit:
        facts.initsMemory = true;
        break;
      case opcodes.dataDrop:
        facts.droppedData.add(segmentIndex(reader, instructions));
        break;
      case opcodes.elemDrop:
        facts.droppedElements.add(segmentIndex(reader, instructions));
        break;
      case opcodes.atomicWait32:
      case opcodes.atomicWait64:
        facts.waitsOnAtomics = true;
        break;
      default:
        if (opcode >= opcodes.simdFirst && opcode <= opcodes.simdLast) facts.usesSimd = true;
    }
  }
  return sites ?? noSites;
}

const noSites: readonly GrowSite[] = [];

function segmentIndex(reader: ByteReader, { operand }: InstructionReader): number {
  if (operand >= structureLimits.segments) throw reader.bad(`segment ${operand} does not exist`);
  return operand;
}

function checkMemories(reader: ByteReader, sites: readonly GrowSite[], { memories }: Declarations): void {
  const site = sites.find(({ memory }) => memory >= memories.length);
  if (site !== undefined) throw reader.bad(`memory.grow names memory ${site.memory}, which does not exist`);
}
