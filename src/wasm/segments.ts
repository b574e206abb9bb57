import { readConstant } from './constant.ts';
import type { Declarations } from './declarations.ts';
import type { ByteReader } from './reader.ts';
import { structureLimits } from './structure-limits.ts';
import { readReferenceType } from './types.ts';

/** In the flags of an element segment. */
const notActive = 1;
const namesTable = 2;
const declarative = 2;
const holdsExpressions = 4;

/** @returns by segment, whether it is passive: waiting for table.init */
export function readElements(reader: ByteReader, declarations: Declarations): boolean[] {
  const passive: boolean[] = [];
  for (let left = reader.count('element segments', structureLimits.segments); left > 0; left--) {
    const flags = reader.u32();
    if (flags > 7) throw reader.bad(`an element segment of kind ${flags} is unknown`);
    const active = (flags & notActive) === 0;
    if (active && flags & namesTable) reader.u32();
    if (active) readConstant(reader, declarations);
    passive.push(!active && (flags & declarative) === 0);

    const saysWhat = (flags & (notActive | namesTable)) !== 0;
    if (flags & holdsExpressions) {
      if (saysWhat) readReferenceType(reader, declarations.typeCount);
      for (let elements = reader.count('elements'); elements > 0; elements--)
        readConstant(reader, declarations);
    } else {
      if (saysWhat && reader.u8() !== 0) throw reader.bad('an element segment holds something unknown');
      for (let elements = reader.count('elements'); elements > 0; elements--) {
        declarations.declaredFunctions.add(readFunctionIndex(reader, declarations));
      }
    }
  }
  return passive;
}

/** @returns by segment, whether it is passive: waiting for memory.init */
export function readData(reader: ByteReader, declarations: Declarations): boolean[] {
  const passive: boolean[] = [];
  for (let left = reader.count('data segments', structureLimits.segments); left > 0; left--) {
    const flags = reader.u32();
    if (flags > 2) throw reader.bad(`a data segment of kind ${flags} is unknown`);
    if (flags === 2) reader.u32();
    if (flags !== 1) readConstant(reader, declarations);
    passive.push(flags === 1);
    reader.skip(reader.u32());
  }
  return passive;
}

export function readFunctionIndex(reader: ByteReader, { functions }: Declarations): number {
  const index = reader.u32();
  if (index >= functions.length) throw reader.bad(`function ${index} does not exist`);
  return index;
}
