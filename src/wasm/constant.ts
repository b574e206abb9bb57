import type { Declarations } from './declarations.ts';
import { InstructionReader } from './instruction-reader.ts';
import { opcodes } from './instructions.ts';
import { arrayBytes, madeObject } from './objects.ts';
import { type ByteReader, toHex } from './reader.ts';
import { structureLimits } from './structure-limits.ts';
import type { TypeSection } from './type-section.ts';

const i32Add = 0x6a;
const i32Mul = 0x6c;
const i64Add = 0x7c;
const i64Mul = 0x7e;

const constantOpcodes: ReadonlySet<number> = new Set([
  opcodes.globalGet,
  opcodes.i32Const,
  opcodes.i64Const,
  opcodes.f32Const,
  opcodes.f64Const,
  opcodes.refNull,
  opcodes.refFunc,
  opcodes.v128Const,
  opcodes.structNew,
  opcodes.structNewDefault,
  opcodes.arrayNew,
  opcodes.arrayNewDefault,
  opcodes.arrayNewFixed,
  opcodes.anyConvertExtern,
  opcodes.externConvertAny,
  opcodes.refI31,
  i32Add,
  i32Add + 1,
  i32Mul,
  i64Add,
  i64Add + 1,
  i64Mul,
]);

/** Goes past a constant expression and its end, and notes the functions that it names. */
export function readConstant(reader: ByteReader, declarations: Declarations): void {
  const instructions = new InstructionReader(reader, {
    types: declarations.typeCount,
    functions: declarations.functions.length,
    globals: declarations.globals.length,
  });
  /** Of an array, when the instruction before says it. */
  let length: number | undefined;
  for (;;) {
    const opcode = instructions.next();
    if (opcode === opcodes.end) return;
    if (!constantOpcodes.has(opcode)) {
      throw reader.bad(`the instruction ${toHex(opcode)} stands where only constants may`);
    }
    if (opcode === opcodes.refFunc) declarations.declaredFunctions.add(instructions.operand);
    declarations.constantObjectBytes += objectBytes(reader, opcode, instructions, declarations.types, length);
    if (declarations.constantObjectBytes > structureLimits.constantObjectBytes) {
      throw reader.bad(
        `its constants make objects of more than ${structureLimits.constantObjectBytes} bytes`,
      );
    }
    length = opcode === opcodes.i32Const ? instructions.operand : undefined;
  }
}

function objectBytes(
  reader: ByteReader,
  opcode: number,
  instructions: InstructionReader,
  types: TypeSection,
  length: number | undefined,
): number {
  if (opcode !== opcodes.arrayNew && opcode !== opcodes.arrayNewDefault)
    return madeObject(opcode, instructions, types)?.byteLength ?? 0;
  if (length === undefined) throw reader.bad('an array in a constant has a length that is no plain number');
  return arrayBytes(types.arrays, instructions.operand, length);
}
