import { FaasmError } from '../../proto/errors.ts';
import { immediate, plainImmediates, prefixed, prefixedImmediate } from './instructions.ts';
import { type ByteReader, toHex } from './reader.ts';
import { readHeapType, readValueType } from './types.ts';

/** Sizes of the index spaces that a rewrite extends: what lies beyond them must not come to mean something. */
export interface IndexSpaces {
  readonly types: number;
  readonly functions: number;
  readonly globals: number;
}

/** Set in the alignment of a memory access when an index says which memory. */
const memoryIndexFollows = 0x40;
const emptyBlockType = 0x40;

/** What a block begins and ends with, where it is not the index of a type. */
export const blockTypes = { empty: -1, oneResult: -2 } as const;
const lebBytes64 = 10;

/** Steps over instructions one by one; that they fit together is for the engine to check. */
export class InstructionReader {
  readonly #reader: ByteReader;
  readonly #spaces: IndexSpaces;
  /** What follows the opcode: an index, the first if there are two; how many labels a branch table has; an i32, unsigned. */
  operand = 0;
  /** The index of a block's type, or one of `blockTypes`. */
  blockType: number = blockTypes.empty;
  /** Where a branch table goes beyond its last label. */
  lastLabel = 0;
  /** Tags whose exceptions a block catches, in its clauses. */
  readonly caughtTags: number[] = [];
  /** The second index, or count, behind a type index. */
  secondOperand = 0;
  /** An instruction so far has named a type of references to exceptions. */
  namesExceptions = false;

  constructor(reader: ByteReader, spaces: IndexSpaces) {
    this.#reader = reader;
    this.#spaces = spaces;
  }

  /**
   * Goes past one instruction and gives its opcode.
   * @throws FaasmError `unsupported_module` for an opcode that is not known, `bad_module` when it is cut off
   */
  next(): number {
    const first = this.#reader.u8();
    const kind = plainImmediates[first]!;
    if (kind === immediate.none) return first;
    if (kind !== immediate.prefix) {
      this.#skipImmediate(kind, first);
      return first;
    }
    const second = this.#reader.u32();
    this.#skipImmediate(prefixedImmediate(first, second), first, second);
    return prefixed(first, second);
  }

  #skipImmediate(kind: number, first: number, second?: number): void {
    const reader = this.#reader;
    switch (kind) {
      case immediate.none:
        return;
      case immediate.index:
        this.operand = reader.u32();
        return;
      case immediate.memoryAccess:
        this.#skipMemoryAccess();
        return;
      case immediate.i32:
        this.operand = reader.s33() >>> 0;
        return;
      case immediate.i64:
        reader.skipLeb(lebBytes64);
        return;
      case immediate.blockType:
        this.#skipBlockType();
        return;
      case immediate.functionIndex:
        this.operand = this.#indexBelow(this.#spaces.functions, 'function');
        return;
      case immediate.globalIndex:
        this.operand = this.#indexBelow(this.#spaces.globals, 'global');
        return;
      case immediate.typeIndex:
        this.operand = this.#indexBelow(this.#spaces.types, 'type');
        return;
      case immediate.typeAndIndex:
        this.operand = this.#indexBelow(this.#spaces.types, 'type');
        this.secondOperand = reader.u32();
        return;
      case immediate.twoIndices:
        this.operand = reader.u32();
        reader.u32();
        return;
      case immediate.labels:
        this.operand = reader.count('labels') + 1;
        for (let left = this.operand; left > 0; left--) this.lastLabel = reader.u32();
        return;
      case immediate.valueTypes:
        for (let left = reader.count('types'); left > 0; left--) this.#skipValueType();
        return;
      case immediate.catches:
        this.#skipBlockType();
        this.caughtTags.length = 0;
        for (let left = reader.count('catch clauses'); left > 0; left--) this.#skipCatch();
        return;
      case immediate.memoryAccessAndLane:
        this.#skipMemoryAccess();
        reader.skip(1);
        return;
      case immediate.byte:
        reader.skip(1);
        return;
      case immediate.bytes4:
        reader.skip(4);
        return;
      case immediate.bytes8:
        reader.skip(8);
        return;
      case immediate.bytes16:
        reader.skip(16);
        return;
      case immediate.heapType:
        this.#skipHeapType();
        return;
      case immediate.twoTypes:
        this.operand = this.#indexBelow(this.#spaces.types, 'type');
        this.#indexBelow(this.#spaces.types, 'type');
        return;
      case immediate.castBranch:
        reader.skip(1);
        this.operand = reader.u32();
        this.#skipHeapType();
        this.#skipHeapType();
        return;
    }
    const name = second === undefined ? toHex(first) : `${toHex(first)} ${toHex(second)}`;
    throw new FaasmError(
      'unsupported_module',
      `The module uses the instruction ${name} near byte ${reader.position}, which is not known here: ` +
        'build it without experimental WebAssembly features',
    );
  }

  #indexBelow(count: number, what: string): number {
    const index = this.#reader.u32();
    if (index >= count) throw this.#reader.bad(`${what} ${index} does not exist`);
    return index;
  }

  #skipValueType(): void {
    if (readValueType(this.#reader, this.#spaces.types).exception) this.namesExceptions = true;
  }

  #skipHeapType(): void {
    if (readHeapType(this.#reader, this.#spaces.types).exception) this.namesExceptions = true;
  }

  #skipMemoryAccess(): void {
    const reader = this.#reader;
    if (reader.u32() & memoryIndexFollows) reader.u32();
    reader.skipLeb(lebBytes64);
  }

  #skipBlockType(): void {
    const reader = this.#reader;
    const byte = reader.peek();
    if (byte === emptyBlockType) {
      reader.skip(1);
      this.blockType = blockTypes.empty;
    } else if (byte >= 0x40 && byte < 0x80) {
      this.#skipValueType();
      this.blockType = blockTypes.oneResult;
    } else {
      this.blockType = reader.s33();
      if (this.blockType < 0 || this.blockType >= this.#spaces.types)
        throw reader.bad('the type of a block does not exist');
    }
  }

  #skipCatch(): void {
    const reader = this.#reader;
    const kind = reader.u8();
    // catch and catch_ref name a tag; catch_all and catch_all_ref do not.
    if (kind > 3) throw reader.bad(`a catch clause of kind ${kind} is unknown`);
    if (kind < 2) this.caughtTags.push(reader.u32());
    reader.u32();
  }
}
