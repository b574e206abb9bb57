import { FaasmError } from '../../proto/errors.ts';
import { type BodyShape, BodyShapeCounter } from './body-shape.ts';
import type { Declarations } from './declarations.ts';
import { InstructionReader } from './instruction-reader.ts';
import { opcodes } from './instructions.ts';
import { bulkMinBytes } from './interruption.ts';
import { type ObjectChange, ObjectWalk } from './objects.ts';
import type { ByteReader } from './reader.ts';
import { structureLimits } from './structure-limits.ts';
import { readValueType } from './types.ts';

/** A place in code that the rewrite changes, and what it puts there; what lies between `start` and `end` goes. */
export type CodeSite = { readonly start: number; readonly end: number } & (
  | { readonly change: 'grow'; readonly memory: number }
  /** Where a function begins that makes tail calls. */
  | { readonly change: 'tailCalls' }
  /** Before an instruction that copies or fills as many bytes as the number on top of the stack says. */
  | { readonly change: 'bulk' }
  | ObjectChange
);

/** A function body that the rewrite changes. */
export interface ChangedBody {
  /** Where its size stands, before the body itself. */
  readonly sizeStart: number;
  readonly start: number;
  readonly end: number;
  /** In their order. */
  readonly sites: readonly CodeSite[];
}

/** What the walk over all code has found. */
export interface CodeFacts {
  readonly changedBodies: ChangedBody[];
  /** By body, those of imported functions not counted. */
  readonly shapes: BodyShape[];
  /** By body: it grows a memory. */
  growsMemory: boolean;
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
    changedBodies: [],
    shapes: [],
    growsMemory: false,
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
  const walk: Walk = {
    reader,
    facts,
    start,
    shape: new BodyShapeCounter(declarations),
    objects: new ObjectWalk(declarations.types),
    sitesLeft: structureLimits.changedPlaces,
  };
  const sectionEnd = reader.end;
  const instructions = new InstructionReader(reader, {
    types: declarations.typeCount,
    functions: declarations.functions.length,
    globals: declarations.globals.length,
  });
  const imported = declarations.functions.length - bodyCount;
  for (let index = 0; index < count; index++) {
    const sizeStart = reader.position;
    const byteLength = reader.u32();
    const bodyStart = reader.position;
    if (byteLength > reader.remaining) throw reader.truncated();
    reader.end = bodyStart + byteLength;
    const parameters = parameterCount(declarations, imported + index);
    const locals = parameters + readLocals(reader, declarations.typeCount, facts);
    walk.shape.begin(declarations.functions[imported + index]!);
    const sites = readBody(walk, instructions);
    facts.shapes.push(walk.shape.take(bodyStart, byteLength, locals));
    walk.sitesLeft -= sites.length;
    if (sites.length > 0) {
      checkMemories(reader, sites, declarations);
      facts.changedBodies.push({ sizeStart, start: bodyStart, end: reader.end, sites });
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

/** What stays the same from body to body. */
interface Walk {
  readonly reader: ByteReader;
  readonly facts: CodeFacts;
  /** The start function. */
  readonly start: number | undefined;
  readonly shape: BodyShapeCounter;
  readonly objects: ObjectWalk;
  /** How many more places may change. */
  sitesLeft: number;
}

/** @returns how many there are */
function readLocals(reader: ByteReader, typeCount: number, facts: CodeFacts): number {
  let count = 0;
  for (let left = reader.count('groups of locals'); left > 0; left--) {
    count += reader.u32();
    const { letter, exception } = readValueType(reader, typeCount);
    if (letter === 'V') facts.usesSimd = true;
    if (exception) facts.usesExceptionReferences = true;
  }
  return count;
}

function parameterCount({ functions, types }: Declarations, index: number): number {
  return types.signatures[functions[index]!]!.indexOf(':');
}

/** Reads instructions up to the end of the body and gives the places that are to be changed. */
function readBody(
  { reader, facts, start, shape, objects, sitesLeft }: Walk,
  instructions: InstructionReader,
): readonly CodeSite[] {
  let sites: CodeSite[] | undefined;
  const change = (site: CodeSite): void => {
    sites ??= [];
    if (sites.length >= sitesLeft) {
      throw reader.bad(
        `it grows memory, makes objects, or copies and fills in bulk, in more than ${structureLimits.changedPlaces} places`,
      );
    }
    sites.push(site);
  };
  objects.begin();
  const bodyStart = reader.position;
  let makesTailCalls = false;
  /** The last number that was pushed as a constant, and where the instruction ends that did it. */
  let constant = 0;
  let constantEnd = -1;
  while (reader.position < reader.end) {
    const position = reader.position;
    const opcode = instructions.next();
    shape.note(opcode, instructions, position);
    const length = constantEnd === position ? constant : undefined;
    switch (opcode) {
      case opcodes.memoryGrow:
        facts.growsMemory = true;
        change({ change: 'grow', start: position, end: reader.position, memory: instructions.operand });
        break;
      case opcodes.i32Const:
        constant = instructions.operand;
        constantEnd = reader.position;
        break;
      case opcodes.returnCall:
      case opcodes.returnCallIndirect:
      case opcodes.returnCallRef:
        makesTailCalls = true;
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
        facts.writesTables = true;
        break;
      case opcodes.tableInit:
      case opcodes.tableCopy:
      case opcodes.tableGrow:
      case opcodes.tableFill:
        facts.writesTables = true;
        // Elements of a table take longer than bytes.
        change({ change: 'look', start: position, end: position });
        break;
      case opcodes.memoryInit:
        facts.initsMemory = true;
        if (length === undefined || length >= bulkMinBytes)
          change({ change: 'bulk', start: position, end: position });
        break;
      case opcodes.memoryCopy:
      case opcodes.memoryFill:
        if (length === undefined || length >= bulkMinBytes)
          change({ change: 'bulk', start: position, end: position });
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
        else if (opcode >= opcodes.objectsFirst && opcode <= opcodes.objectsLast) {
          for (const before of objects.changesBefore(opcode, instructions, length))
            change({ ...before, start: position, end: position });
        }
    }
  }
  if (!makesTailCalls) return sites ?? noSites;
  return [{ change: 'tailCalls', start: bodyStart, end: bodyStart }, ...(sites ?? noSites)];
}

const noSites: readonly CodeSite[] = [];

function segmentIndex(reader: ByteReader, { operand }: InstructionReader): number {
  if (operand >= structureLimits.segments) throw reader.bad(`segment ${operand} does not exist`);
  return operand;
}

function checkMemories(reader: ByteReader, sites: readonly CodeSite[], { memories }: Declarations): void {
  for (const site of sites) {
    if (site.change === 'grow' && site.memory >= memories.length)
      throw reader.bad(`memory.grow names memory ${site.memory}, which does not exist`);
  }
}
