import type { Declarations } from './declarations.ts';
import { InstructionReader } from './instruction-reader.ts';
import { opcodes } from './instructions.ts';
import { type ByteReader, toHex } from './reader.ts';

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
  for (;;) {
    const opcode = instructions.next();
    if (opcode === opcodes.end) return;
    if (!constantOpcodes.has(opcode)) {
      throw reader.bad(`the instruction ${toHex(opcode)} stands where only constants may`);
    }
    if (opcode === opcodes.refFunc) declarations.declaredFunctions.add(instructions.operand);
  }
}
