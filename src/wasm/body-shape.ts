/** What of a function's body decides how much memory and time its compilation takes; see `compile-cost.ts`. */
import type { Declarations } from './declarations.ts';
import type { InstructionReader } from './instruction-reader.ts';
import { opcodes } from './instructions.ts';
import { madeObject } from './objects.ts';
import { OperandCounter } from './operands.ts';
import type { TypeSection } from './type-section.ts';

export interface BodyShape {
  /** Where it begins, in the module. */
  readonly start: number;
  readonly byteLength: number;
  /** Parameters and declared ones. */
  readonly locals: number;
  /** Instructions that set a local. */
  readonly sets: number;
  /** Ways that meet others: branches, labels of branch tables, arms, loops, and calls whose exceptions are caught. */
  readonly ways: number;
  /** Values that are put into objects as they are made, and what else takes the compiler as much. */
  readonly stores: number;
  /** Lengths of all loops together, an inner one counted again in each outer one. */
  readonly loopBytes: number;
  /** Values that calls, blocks and branches pass, beyond one each. */
  readonly passed: number;
  /** At each way and call, values on the operand stack. */
  readonly held: number;
}

const noLoop = -1;
/** They make, fill or copy as many elements as the stack says. */
const objectLengthOpcodes: ReadonlySet<number> = new Set([
  opcodes.arrayNew,
  opcodes.arrayNewDefault,
  opcodes.arrayNewData,
  opcodes.arrayNewElem,
  opcodes.arrayFill,
  opcodes.arrayCopy,
  opcodes.arrayInitData,
  opcodes.arrayInitElem,
]);
/** What instructions on objects take the compiler beside the values they store, in as many stores as take as much. */
const storesOf = { cast: 2, access: 1, struct: 3, array: 45 } as const;

/** Counts along a walk over one body after the other. */
export class BodyShapeCounter {
  readonly #types: TypeSection;
  #sets = 0;
  #ways = 0;
  #stores = 0;
  #loopBytes = 0;
  /** Of what is open, where it began if it is a loop. */
  readonly #open: number[] = [];
  /** Blocks with handlers that have begun. Those that have ended count on: few bodies have so many. */
  #handlers = 0;
  readonly #operands: OperandCounter;

  constructor(declarations: Declarations) {
    this.#types = declarations.types;
    this.#operands = new OperandCounter(declarations);
  }

  /** @param type of the function whose body is next */
  begin(type: number): void {
    this.#operands.begin(type);
  }

  /** @param position where the instruction begins */
  note(opcode: number, instruction: InstructionReader, position: number): void {
    this.#operands.note(opcode, instruction);
    switch (opcode) {
      case opcodes.localSet:
      case opcodes.localTee:
        this.#sets++;
        return;
      case opcodes.call:
      case opcodes.callIndirect:
      case opcodes.callRef:
        if (this.#handlers > 0) this.#ways++;
        return;
      case opcodes.loop:
        this.#ways++;
        this.#open.push(position);
        return;
      case opcodes.try:
      case opcodes.tryTable:
        this.#handlers++;
        this.#ways++;
        this.#open.push(noLoop);
        return;
      case opcodes.block:
      case opcodes.if:
        this.#ways++;
        this.#open.push(noLoop);
        return;
      case opcodes.end:
      case opcodes.delegate: {
        const start = this.#open.pop() ?? noLoop;
        if (start !== noLoop) this.#loopBytes += position - start;
        return;
      }
      case opcodes.branchTable:
        this.#ways += instruction.operand;
        return;
      case opcodes.else:
      case opcodes.branch:
      case opcodes.branchIf:
      case opcodes.branchOnNull:
      case opcodes.branchOnNonNull:
        this.#ways++;
        return;
      case opcodes.branchOnCast:
      case opcodes.branchOnCastFail:
        this.#ways++;
        this.#stores += storesOf.cast;
        return;
      default:
        if (opcode >= opcodes.objectsFirst && opcode <= opcodes.refCastNull)
          this.#stores += this.#storesOf(opcode, instruction);
    }
  }

  #storesOf(opcode: number, instruction: InstructionReader): number {
    if (opcode >= opcodes.refTest) return storesOf.cast;
    const made = madeObject(opcode, instruction, this.#types);
    if (made !== undefined) return storesOf.struct + made.values;
    return objectLengthOpcodes.has(opcode) ? storesOf.array : storesOf.access;
  }

  /** The shape of the body that ends here; what is noted from now on is of the next one. */
  take(start: number, byteLength: number, locals: number): BodyShape {
    const shape = {
      start,
      byteLength,
      locals,
      sets: this.#sets,
      ways: this.#ways,
      stores: this.#stores,
      loopBytes: this.#loopBytes,
      passed: this.#operands.passed,
      held: this.#operands.held,
    };
    this.#sets = this.#ways = this.#stores = this.#loopBytes = this.#handlers = 0;
    this.#open.length = 0;
    return shape;
  }
}
