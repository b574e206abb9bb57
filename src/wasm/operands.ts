/**
 * Values on the operand stack, counted along a walk over one body after the other: never fewer than there are.
 *
 * The engine's baseline compiler notes where each of them is at every way through the code, and one instruction of two
 * bytes may pass a thousand at once: both make much of little code.
 */
import type { Declarations } from './declarations.ts';
import { blockTypes, type InstructionReader } from './instruction-reader.ts';
import { opcodes } from './instructions.ts';

interface Arity {
  readonly parameters: number;
  readonly results: number;
}

interface Open {
  /** Values below those of the block. */
  readonly base: number;
  readonly arity: Arity;
  /** What a branch to it passes. */
  readonly passes: number;
}

/** The last opcode of those for control, all but two of which come first. */
const lastControl = opcodes.tryTable;

const nothing: Arity = { parameters: 0, results: 0 };
const oneResult: Arity = { parameters: 0, results: 1 };

export class OperandCounter {
  /** What calls give, blocks begin or end with, handlers get and branches take, beyond one each. */
  passed = 0;
  /** At each way and call, those on the stack. */
  held = 0;
  readonly #declarations: Declarations;
  readonly #arities = new Map<number, Arity>();
  readonly #open: Open[] = [];
  #base = 0;
  #height = 0;

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
  }

  /** Of the body that is walked over next. */
  begin(type: number): void {
    this.passed = this.held = this.#base = this.#height = 0;
    const arity = this.#arityOf(type);
    this.#open.length = 0;
    this.#open.push({ base: 0, arity, passes: arity.results });
  }

  note(opcode: number, instruction: InstructionReader): void {
    if (opcode > 0xff) {
      this.#notePrefixed(opcode, instruction);
      return;
    }
    const change = changes[opcode]!;
    if (change > 0) this.#height++;
    else if (change < 0) this.#change(change);
    if (opcode > lastControl && opcode !== opcodes.branchOnNull && opcode !== opcodes.branchOnNonNull) return;
    const { operand } = instruction;
    switch (opcode) {
      case opcodes.call:
        this.#call(this.#declarations.functions[operand]!);
        return;
      case opcodes.callIndirect:
      case opcodes.callRef:
        this.#call(operand);
        return;
      case opcodes.block:
      case opcodes.loop:
      case opcodes.if:
      case opcodes.try:
        this.#begin(opcode, instruction.blockType);
        return;
      case opcodes.tryTable:
        for (const tag of instruction.caughtTags) this.#handle(tag);
        this.held += instruction.caughtTags.length * this.#height;
        this.#begin(opcode, instruction.blockType);
        return;
      case opcodes.else:
        this.#height = this.#base + (this.#open.at(-1)?.arity.parameters ?? 0);
        return;
      case opcodes.catch:
        this.#height = this.#base + this.#handle(operand);
        return;
      case opcodes.catchAll:
        this.#height = this.#base;
        return;
      case opcodes.end:
      case opcodes.delegate:
        this.#end();
        return;
      case opcodes.branch:
      case opcodes.branchIf:
      case opcodes.branchOnNull:
      case opcodes.branchOnNonNull:
        this.#branch(operand, 1);
        return;
      case opcodes.branchTable:
        this.#branch(instruction.lastLabel, operand);
    }
  }

  #notePrefixed(opcode: number, instruction: InstructionReader): void {
    const { operand, secondOperand } = instruction;
    switch (opcode) {
      case opcodes.structNew:
        this.#change(-(this.#declarations.types.structs.get(operand)?.fields ?? 0));
        this.#height++;
        return;
      case opcodes.structNewDefault:
        this.#height++;
        return;
      case opcodes.arrayNewFixed:
        this.#change(-secondOperand);
        this.#height++;
        return;
      case opcodes.branchOnCast:
      case opcodes.branchOnCastFail:
        this.#branch(operand, 1);
        return;
      default:
        this.#change(prefixedChanges.get(opcode) ?? 0);
    }
  }

  /** What follows a branch or a trap takes from a stack that never ends. */
  #change(by: number): void {
    this.#height = Math.max(this.#base, this.#height + by);
  }

  #call(type: number): void {
    const { parameters, results } = this.#arityOf(type);
    this.held += this.#height;
    this.#change(-parameters);
    this.#height += results;
    this.#pass(results);
  }

  #begin(opcode: number, type: number): void {
    const arity = this.#arityOfBlock(type);
    this.held += this.#height;
    this.#change(-arity.parameters);
    const base = this.#height;
    this.#open.push({ base, arity, passes: opcode === opcodes.loop ? arity.parameters : arity.results });
    this.#base = base;
    this.#height = base + arity.parameters;
    this.#pass(arity.parameters);
    this.#pass(arity.results);
  }

  #end(): void {
    const { base, arity } = this.#open.pop() ?? { base: 0, arity: nothing };
    this.#base = this.#open.at(-1)?.base ?? 0;
    this.#height = base + arity.results;
  }

  #branch(depth: number, times: number): void {
    this.held += times * this.#height;
    this.#pass(this.#open.at(-1 - depth)?.passes ?? 0, times);
  }

  /** @returns how many values the handler gets */
  #handle(tag: number): number {
    const type = this.#declarations.tags[tag];
    const { parameters } = type === undefined ? nothing : this.#arityOf(type);
    this.#pass(parameters);
    return parameters;
  }

  #pass(values: number, times = 1): void {
    if (values > 1) this.passed += times * (values - 1);
  }

  #arityOfBlock(type: number): Arity {
    if (type === blockTypes.empty) return nothing;
    return type === blockTypes.oneResult ? oneResult : this.#arityOf(type);
  }

  #arityOf(type: number): Arity {
    const known = this.#arities.get(type);
    if (known !== undefined) return known;
    const signature = this.#declarations.types.signatures[type] || ':';
    const parameters = signature.indexOf(':');
    const arity = { parameters, results: signature.length - parameters - 1 };
    this.#arities.set(type, arity);
    return arity;
  }
}

/**
 * What an instruction with a prefix leaves on the stack, less what it takes: all that leave more than they take, and
 * those that take more whose number is the same for each type.
 */
const prefixedChanges: ReadonlyMap<number, number> = new Map([
  [opcodes.v128Const, 1],
  [opcodes.tableSize, 1],
  [opcodes.structSet, -2],
  [opcodes.arrayNew, -1],
  [opcodes.arrayNewData, -1],
  [opcodes.arrayNewElem, -1],
  [opcodes.arrayGet, -1],
  [opcodes.arrayGetS, -1],
  [opcodes.arrayGetU, -1],
  [opcodes.arraySet, -3],
  [opcodes.arrayFill, -4],
  [opcodes.arrayCopy, -5],
  [opcodes.arrayInitData, -4],
  [opcodes.arrayInitElem, -4],
]);

/** What an instruction without a prefix leaves on the stack, less what it takes; one that has a type of its own is not here. */
const changes = toChanges([
  [0x1a, 0x1a, -1], // drop
  [0x1b, 0x1c, -2], // select
  [0x04, 0x04, -1], // if
  [0x0d, 0x0e, -1], // br_if, br_table
  [0x11, 0x11, -1], // call_indirect
  [0x14, 0x14, -1], // call_ref
  [0x20, 0x20, 1], // local.get
  [0x21, 0x21, -1], // local.set
  [0x23, 0x23, 1], // global.get
  [0x24, 0x24, -1], // global.set
  [0x26, 0x26, -2], // table.set
  [0x36, 0x3e, -2], // stores
  [0x3f, 0x3f, 1], // memory.size
  [0x41, 0x44, 1], // constants
  [0x46, 0x4f, -1], // comparisons of i32
  [0x51, 0x66, -1], // comparisons of i64, f32 and f64
  [0x6a, 0x78, -1], // arithmetic of i32
  [0x7c, 0x8a, -1], // of i64
  [0x92, 0x98, -1], // of f32
  [0xa0, 0xa6, -1], // of f64
  [0xd0, 0xd0, 1], // ref.null
  [0xd2, 0xd2, 1], // ref.func
  [0xd3, 0xd3, -1], // ref.eq
]);

function toChanges(rows: readonly (readonly [first: number, last: number, change: number])[]): Int8Array {
  const table = new Int8Array(0x100);
  for (const [first, last, change] of rows) table.fill(change, first, last + 1);
  return table;
}
