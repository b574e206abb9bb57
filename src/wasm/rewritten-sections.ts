import type { AddedExports } from './added-exports.ts';
import type { ChangedBody } from './code.ts';
import { addedFunctionType, deniedGlobal, encodeGrowFunction } from './growth.ts';
import { headerBytes } from './header.ts';
import { encodeBulkFunction, encodeLookFunction } from './interruption.ts';
import { type Limits, memoryPagesMax } from './limits.ts';
import { encodeArrayBulkFunction, encodeArrayNewFunction } from './objects.ts';
import { ByteReader } from './reader.ts';
import { type AddedFunctions, changeBodies } from './rewritten-code.ts';
import type { ModuleScan } from './scan.ts';
import { type Section, sectionId, sectionRank } from './sections.ts';
import { encodeU32, PieceWriter } from './writer.ts';

const hasMaximum = 1;
const hasMaximumAndIsShared = 3;

/** Hints in such custom sections say by byte offset which instruction of a function they mean. */
const hintPrefix = 'metadata.code.';

/** What a section becomes; nothing when it is left out. */
type Content = PieceWriter | undefined;

/** The whole module, with the sections changed that need to be; all others as they stand. */
export function rewriteSections(
  scan: ModuleScan,
  added: AddedExports,
  memoryMaxPages: number,
): Uint8Array<ArrayBuffer> {
  const contents = new Map<number, Content>();
  if (scan.memories.length > 0) {
    for (const id of [sectionId.import, sectionId.memory]) boundMemories(scan, id, memoryMaxPages, contents);
  }
  if (scan.code.changedBodies.length > 0) changeCode(scan, memoryMaxPages, contents);
  if (added.count > 0)
    contents.set(sectionId.export, extend(scan, sectionId.export, added.count, added.entries));
  if (scan.start !== undefined) contents.set(sectionId.start, undefined);
  return assemble(scan, contents);
}

function boundMemories(
  scan: ModuleScan,
  id: number,
  memoryMaxPages: number,
  contents: Map<number, Content>,
): void {
  const section = scan.sections.find((candidate) => candidate.id === id);
  if (section === undefined) return;
  const content = new PieceWriter();
  let copied = section.contentStart;
  for (const memory of scan.memories.filter(({ imported }) => imported === (id === sectionId.import))) {
    content.add(scan.bytes.subarray(copied, memory.start));
    content.add(
      encodeLimits(memory, Math.min(memory.maximum ?? memoryPagesMax, memoryMaxPages, memoryPagesMax)),
    );
    copied = memory.end;
  }
  content.add(scan.bytes.subarray(copied, section.end));
  contents.set(id, content);
}

function encodeLimits({ initial, shared }: Limits, maximum: number): readonly number[] {
  return [shared ? hasMaximumAndIsShared : hasMaximum, ...encodeU32(initial), ...encodeU32(maximum)];
}

function changeCode(scan: ModuleScan, memoryMaxPages: number, contents: Map<number, Content>): void {
  const { changedBodies } = scan.code;
  const added: (readonly number[])[] = [];
  const add = (encode: (index: number) => readonly number[]): number => {
    const index = scan.functions.length + added.length;
    added.push(encode(index));
    return index;
  };
  const denied = scan.globals.length;
  const look = add(encodeLookFunction);
  const bulk = add(() => encodeBulkFunction(look));
  const grow = new Map<number, number>();
  for (const memory of grownMemories(changedBodies)) {
    const memoryCount = scan.memories.length;
    const body = encodeGrowFunction({ memory, memoryCount, memoryMaxPages, deniedGlobalIndex: denied });
    grow.set(
      memory,
      add(() => body),
    );
  }

  const arrayNew = new Map<number, number>();
  for (const elementBytes of elementSizes(changedBodies, 'arrayNew')) {
    arrayNew.set(
      elementBytes,
      add(() => encodeArrayNewFunction(look, elementBytes)),
    );
  }
  const arrayBulk = new Map<number, number>();
  for (const elementBytes of elementSizes(changedBodies, 'arrayBulk')) {
    arrayBulk.set(
      elementBytes,
      add(() => encodeArrayBulkFunction(look, elementBytes)),
    );
  }

  const declarations = new PieceWriter();
  const bodies = new PieceWriter();
  for (const body of added) {
    declarations.addU32(scan.types.signatures.length);
    bodies.add(body);
  }
  contents.set(sectionId.type, extend(scan, sectionId.type, 1, pieces(addedFunctionType)));
  contents.set(sectionId.function, extend(scan, sectionId.function, added.length, declarations));
  contents.set(sectionId.global, extend(scan, sectionId.global, 1, pieces(deniedGlobal)));

  const { count, start, end } = vectorOf(scan, sectionId.code);
  const code = new PieceWriter();
  code.addU32(count + added.length);
  const functions: AddedFunctions = { grow, look, bulk, arrayNew, arrayBulk, denied };
  code.addAll(changeBodies(scan.bytes, start, end, changedBodies, functions));
  code.addAll(bodies);
  contents.set(sectionId.code, code);
}

function grownMemories(bodies: readonly ChangedBody[]): Set<number> {
  const memories = new Set<number>();
  for (const { sites } of bodies) {
    for (const site of sites) if (site.change === 'grow') memories.add(site.memory);
  }
  return memories;
}

/** Of the elements of arrays, in bytes. */
function elementSizes(bodies: readonly ChangedBody[], change: 'arrayNew' | 'arrayBulk'): Set<number> {
  const sizes = new Set<number>();
  for (const { sites } of bodies) {
    for (const site of sites) if (site.change === change) sizes.add(site.elementBytes);
  }
  return sizes;
}

/** The vector of a section with more entries at its end. */
function extend(scan: ModuleScan, id: number, addedCount: number, addedEntries: PieceWriter): PieceWriter {
  const { count, start, end } = vectorOf(scan, id);
  const content = new PieceWriter();
  content.addU32(count + addedCount);
  content.add(scan.bytes.subarray(start, end));
  content.addAll(addedEntries);
  return content;
}

/** How many entries a section has, and where they stand; none where there is no such section. */
function vectorOf(
  { bytes, sections }: ModuleScan,
  id: number,
): { count: number; start: number; end: number } {
  const section = sections.find((candidate) => candidate.id === id);
  if (section === undefined) return { count: 0, start: 0, end: 0 };
  const reader = new ByteReader(bytes);
  reader.position = section.contentStart;
  return { count: reader.u32(), start: reader.position, end: section.end };
}

function assemble(scan: ModuleScan, contents: ReadonlyMap<number, Content>): Uint8Array<ArrayBuffer> {
  const { bytes, sections } = scan;
  const writer = new PieceWriter();
  const missing = [...contents]
    .filter(([id]) => !sections.some((section) => section.id === id))
    .map(([id, content]) => ({ id, content, after: lastBefore(sections, id) }))
    .sort((one, other) => sectionRank(one.id) - sectionRank(other.id));
  const addMissing = (place: number) => {
    for (const { id, content, after } of missing) if (after === place) addSection(writer, id, content);
  };

  writer.add(bytes.subarray(0, headerBytes));
  addMissing(-1);
  for (const [place, section] of sections.entries()) {
    if (contents.has(section.id)) addSection(writer, section.id, contents.get(section.id));
    else if (!isOutdated(scan, section)) writer.add(bytes.subarray(section.start, section.end));
    addMissing(place);
  }
  return writer.toBytes();
}

function addSection(writer: PieceWriter, id: number, content: Content): void {
  if (content === undefined) return;
  writer.add([id, ...encodeU32(content.byteLength)]);
  writer.addAll(content);
}

/** The place of the last section that stands before this one in a module; -1 when none does. */
function lastBefore(sections: readonly Section[], id: number): number {
  return sections.findLastIndex((section) => {
    const rank = sectionRank(section.id);
    return rank >= 0 && rank < sectionRank(id);
  });
}

/** Its offsets are those of bodies that have moved. */
function isOutdated({ bytes, code }: ModuleScan, section: Section): boolean {
  if (section.id !== sectionId.custom || code.changedBodies.length === 0) return false;
  const nameStart = section.contentStart + 1;
  const prefix = bytes.subarray(nameStart, Math.min(nameStart + hintPrefix.length, section.end));
  return String.fromCharCode(...prefix) === hintPrefix;
}

function pieces(bytes: readonly number[]): PieceWriter {
  const writer = new PieceWriter();
  writer.add(bytes);
  return writer;
}
