/**
 * What keeps the structs and arrays that a guest makes from taking more than its thread.
 *
 * They are on the JavaScript heap of the thread, which has a limit. When the limit is reached, the thread is told to
 * end, and gets 16 MiB more to come to where it looks. So no array may be so large that it alone does not fit into
 * them, and the guest looks before it makes too much: the engine itself does at loops and where functions begin. Each
 * length is bounded by a function that the rewrite adds; what is made without one is counted as the code stands.
 */
import type { InstructionReader } from './instruction-reader.ts';
import { opcodes } from './instructions.ts';
import { encodeLook } from './interruption.ts';
import { objectHeaderBytes, type TypeSection } from './type-section.ts';
import { encodeS32, sized } from './writer.ts';

/** Of one array. With 15 million bytes a thread still ended alone; with 20 million it took the process along. */
export const arrayMaxBytes = 8 * 2 ** 20;
/** Of one array that is made, filled or copied without a look. */
const lookMinBytes = 4096;
/** Of all that is made in a row without a look. */
const rowMaxBytes = 65_536;

/** What has to be put before an instruction. */
export type ObjectChange =
  | { readonly change: 'look' }
  | { readonly change: 'arrayNew' | 'arrayBulk'; readonly elementBytes: number };

const referenceBytes = 8;

/** What an instruction of a constant or of code makes: how many bytes, and how many values it puts into them. */
export interface MadeObject {
  readonly byteLength: number;
  readonly values: number;
}

/** The object of a length that its instruction says. */
export function madeObject(
  opcode: number,
  { operand, secondOperand }: InstructionReader,
  { structs, arrays }: TypeSection,
): MadeObject | undefined {
  switch (opcode) {
    case opcodes.structNew:
    case opcodes.structNewDefault: {
      const { fields: values, byteLength } = structs.get(operand) ?? {
        fields: 0,
        byteLength: objectHeaderBytes,
      };
      return { byteLength, values };
    }
    case opcodes.arrayNewFixed:
      return { byteLength: arrayBytes(arrays, operand, secondOperand), values: secondOperand };
    default:
      return undefined;
  }
}

export function arrayBytes(arrays: TypeSection['arrays'], type: number, length: number): number {
  return objectHeaderBytes + (arrays.get(type) ?? referenceBytes) * length;
}

/** Walks over one body after the other. */
export class ObjectWalk {
  readonly #types: TypeSection;
  /** Made since the last look, at most. */
  #rowBytes = 0;

  constructor(types: TypeSection) {
    this.#types = types;
  }

  /** A body begins. */
  begin(): void {
    this.#rowBytes = 0;
  }

  /** @param length on top of the stack, when the instruction before has put it there as a constant */
  changesBefore(
    opcode: number,
    instruction: InstructionReader,
    length: number | undefined,
  ): readonly ObjectChange[] {
    const { arrays } = this.#types;
    const type = instruction.operand;
    switch (opcode) {
      case opcodes.structNew:
      case opcodes.structNewDefault:
      case opcodes.arrayNewFixed:
        return this.#make(madeObject(opcode, instruction, this.#types)!.byteLength);
      case opcodes.arrayNew:
      case opcodes.arrayNewDefault:
      case opcodes.arrayNewData:
      case opcodes.arrayNewElem: {
        const bytes = arrayBytes(arrays, type, length ?? Number.POSITIVE_INFINITY);
        if (bytes <= lookMinBytes) return this.#make(bytes);
        const elementBytes = arrays.get(type) ?? referenceBytes;
        return [...this.#make(lookMinBytes), { change: 'arrayNew', elementBytes }];
      }
      case opcodes.arrayFill:
      case opcodes.arrayCopy:
      case opcodes.arrayInitData:
      case opcodes.arrayInitElem:
        if (arrayBytes(arrays, type, length ?? Number.POSITIVE_INFINITY) <= lookMinBytes) return [];
        return [{ change: 'arrayBulk', elementBytes: arrays.get(type) ?? referenceBytes }];
      default:
        return [];
    }
  }

  #make(byteLength: number): readonly ObjectChange[] {
    this.#rowBytes += byteLength;
    if (this.#rowBytes <= rowMaxBytes) return [];
    this.#rowBytes = byteLength;
    return [{ change: 'look' }];
  }
}

const op = {
  if: 0x04,
  end: 0x0b,
  return: 0x0f,
  localGet: 0x20,
  i32Const: 0x41,
  i32GtU: 0x4b,
} as const;

const noResult = 0x40;
const length = [op.localGet, 0] as const;

/** (i32) -> i32: looks if so many elements take long, and gives how many there are. */
export function encodeArrayBulkFunction(look: number, elementBytes: number): readonly number[] {
  return sized([0, ...lookIfLong(look, elementBytes), ...length, op.end]);
}

/** (i32) -> i32: likewise, but gives what the engine refuses, with a trap that says why, if it is too long. */
export function encodeArrayNewFunction(look: number, elementBytes: number): readonly number[] {
  return sized([
    0,
    ...[...length, op.i32Const, ...encodeS32(arrayMaxBytes / elementBytes), op.i32GtU, op.if, noResult],
    ...[op.i32Const, ...encodeS32(-1), op.return, op.end],
    ...[...lookIfLong(look, elementBytes), ...length, op.end],
  ]);
}

function lookIfLong(look: number, elementBytes: number): readonly number[] {
  const most = encodeS32(lookMinBytes / elementBytes);
  return [...length, op.i32Const, ...most, op.i32GtU, op.if, noResult, ...encodeLook(look), op.end];
}
