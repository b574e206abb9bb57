/**
 * What follows each opcode, so that a walk over code finds where the next instruction begins.
 * An opcode is one byte, or a prefix byte and a number: `prefixed(0xfc, 9)` is data.drop.
 */

export const immediate = {
  unknown: 0,
  none: 1,
  blockType: 2,
  /** One index into a space that a rewrite never extends: local, label, table, memory, tag, segment. */
  index: 3,
  functionIndex: 4,
  globalIndex: 5,
  typeIndex: 6,
  twoIndices: 7,
  typeAndIndex: 8,
  labels: 9,
  valueTypes: 10,
  catches: 11,
  memoryAccess: 12,
  memoryAccessAndLane: 13,
  i32: 14,
  i64: 15,
  byte: 16,
  bytes4: 17,
  bytes8: 18,
  bytes16: 19,
  heapType: 20,
  prefix: 21,
  twoTypes: 22,
  castBranch: 23,
} as const;

export type Immediate = (typeof immediate)[keyof typeof immediate];

type Row = readonly [first: number, last: number, immediate: Immediate];

const prefixes = { objects: 0xfb, misc: 0xfc, simd: 0xfd, atomic: 0xfe } as const;

/** One number for a prefixed opcode; those without a prefix are below 0x100. */
export function prefixed(prefix: number, opcode: number): number {
  return prefix * 0x1000 + opcode;
}

export const opcodes = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  throwRef: 0x0a,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  branchTable: 0x0e,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  callRef: 0x14,
  returnCallRef: 0x15,
  delegate: 0x18,
  catchAll: 0x19,
  tryTable: 0x1f,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  tableSet: 0x26,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  refNull: 0xd0,
  refFunc: 0xd2,
  branchOnNull: 0xd5,
  branchOnNonNull: 0xd6,
  structNew: prefixed(prefixes.objects, 0),
  structNewDefault: prefixed(prefixes.objects, 1),
  structSet: prefixed(prefixes.objects, 5),
  arrayNew: prefixed(prefixes.objects, 6),
  arrayNewDefault: prefixed(prefixes.objects, 7),
  arrayNewFixed: prefixed(prefixes.objects, 8),
  arrayNewData: prefixed(prefixes.objects, 9),
  arrayNewElem: prefixed(prefixes.objects, 10),
  arrayGet: prefixed(prefixes.objects, 11),
  arrayGetS: prefixed(prefixes.objects, 12),
  arrayGetU: prefixed(prefixes.objects, 13),
  arraySet: prefixed(prefixes.objects, 14),
  arrayFill: prefixed(prefixes.objects, 16),
  arrayCopy: prefixed(prefixes.objects, 17),
  arrayInitData: prefixed(prefixes.objects, 18),
  arrayInitElem: prefixed(prefixes.objects, 19),
  refTest: prefixed(prefixes.objects, 20),
  refCastNull: prefixed(prefixes.objects, 23),
  branchOnCast: prefixed(prefixes.objects, 24),
  branchOnCastFail: prefixed(prefixes.objects, 25),
  anyConvertExtern: prefixed(prefixes.objects, 26),
  externConvertAny: prefixed(prefixes.objects, 27),
  refI31: prefixed(prefixes.objects, 28),
  objectsFirst: prefixed(prefixes.objects, 0),
  objectsLast: prefixed(prefixes.objects, 0xfff),
  memoryInit: prefixed(prefixes.misc, 8),
  dataDrop: prefixed(prefixes.misc, 9),
  memoryCopy: prefixed(prefixes.misc, 10),
  memoryFill: prefixed(prefixes.misc, 11),
  tableInit: prefixed(prefixes.misc, 12),
  elemDrop: prefixed(prefixes.misc, 13),
  tableCopy: prefixed(prefixes.misc, 14),
  tableGrow: prefixed(prefixes.misc, 15),
  tableSize: prefixed(prefixes.misc, 16),
  tableFill: prefixed(prefixes.misc, 17),
  simdFirst: prefixed(prefixes.simd, 0),
  v128Const: prefixed(prefixes.simd, 12),
  simdLast: prefixed(prefixes.simd, 0xfff),
  atomicWait32: prefixed(prefixes.atomic, 1),
  atomicWait64: prefixed(prefixes.atomic, 2),
} as const;

const plain = toTable(0x100, [
  [0x00, 0x01, immediate.none], // unreachable, nop
  [0x02, 0x04, immediate.blockType], // block, loop, if
  [0x05, 0x05, immediate.none], // else
  [0x06, 0x06, immediate.blockType], // try
  [0x07, 0x09, immediate.index], // catch, throw, rethrow
  [0x0a, 0x0b, immediate.none], // throw_ref, end
  [0x0c, 0x0d, immediate.index], // br, br_if
  [0x0e, 0x0e, immediate.labels], // br_table
  [0x0f, 0x0f, immediate.none], // return
  [0x10, 0x10, immediate.functionIndex], // call
  [0x11, 0x11, immediate.typeAndIndex], // call_indirect
  [0x12, 0x12, immediate.functionIndex], // return_call
  [0x13, 0x13, immediate.typeAndIndex], // return_call_indirect
  [0x14, 0x15, immediate.typeIndex], // call_ref, return_call_ref
  [0x18, 0x18, immediate.index], // delegate
  [0x19, 0x1b, immediate.none], // catch_all, drop, select
  [0x1c, 0x1c, immediate.valueTypes], // select with types
  [0x1f, 0x1f, immediate.catches], // try_table
  [0x20, 0x22, immediate.index], // local.get, .set, .tee
  [0x23, 0x24, immediate.globalIndex], // global.get, .set
  [0x25, 0x26, immediate.index], // table.get, .set
  [0x28, 0x3e, immediate.memoryAccess], // i32.load to i64.store32
  [0x3f, 0x40, immediate.index], // memory.size, .grow
  [0x41, 0x41, immediate.i32],
  [0x42, 0x42, immediate.i64],
  [0x43, 0x43, immediate.bytes4], // f32.const
  [0x44, 0x44, immediate.bytes8], // f64.const
  [0x45, 0xc4, immediate.none], // i32.eqz to i64.extend32_s
  [0xd0, 0xd0, immediate.heapType], // ref.null
  [0xd1, 0xd1, immediate.none], // ref.is_null
  [0xd2, 0xd2, immediate.functionIndex], // ref.func
  [0xd3, 0xd4, immediate.none], // ref.eq, ref.as_non_null
  [0xd5, 0xd6, immediate.index], // br_on_null, br_on_non_null
  [0xfb, 0xfe, immediate.prefix],
]);

const objects = toTable(0x20, [
  [0, 1, immediate.typeIndex], // struct.new, .new_default
  [2, 5, immediate.typeAndIndex], // struct.get, .get_s, .get_u, .set
  [6, 7, immediate.typeIndex], // array.new, .new_default
  [8, 10, immediate.typeAndIndex], // array.new_fixed, .new_data, .new_elem
  [11, 14, immediate.typeIndex], // array.get, .get_s, .get_u, .set
  [15, 15, immediate.none], // array.len
  [16, 16, immediate.typeIndex], // array.fill
  [17, 17, immediate.twoTypes], // array.copy
  [18, 19, immediate.typeAndIndex], // array.init_data, .init_elem
  [20, 23, immediate.heapType], // ref.test, ref.cast, each to what may be null too
  [24, 25, immediate.castBranch], // br_on_cast, br_on_cast_fail
  [26, 30, immediate.none], // any.convert_extern, extern.convert_any, ref.i31, i31.get_s, .get_u
]);

const misc = toTable(0x20, [
  [0, 7, immediate.none], // the saturating truncations
  [8, 8, immediate.twoIndices], // memory.init
  [9, 9, immediate.index], // data.drop
  [10, 10, immediate.twoIndices], // memory.copy
  [11, 11, immediate.index], // memory.fill
  [12, 12, immediate.twoIndices], // table.init
  [13, 13, immediate.index], // elem.drop
  [14, 14, immediate.twoIndices], // table.copy
  [15, 17, immediate.index], // table.grow, .size, .fill
]);

const simd = toTable(0x120, [
  [0, 11, immediate.memoryAccess], // v128.load, its widening and splatting forms, v128.store
  [12, 13, immediate.bytes16], // v128.const, i8x16.shuffle
  [14, 20, immediate.none], // swizzle, splats
  [21, 34, immediate.byte], // extract_lane, replace_lane
  [35, 83, immediate.none],
  [84, 91, immediate.memoryAccessAndLane], // v128.load8_lane to v128.store64_lane
  [92, 93, immediate.memoryAccess], // v128.load32_zero, .load64_zero
  [94, 255, immediate.none],
  [256, 275, immediate.none], // relaxed
  ...[154, 162, 165, 166, 175, 176, 178, 179, 180, 187, 194, 197, 198, 207, 208, 210, 211, 212, 226, 238].map(
    (hole): Row => [hole, hole, immediate.unknown],
  ),
]);

const atomic = toTable(0x80, [
  [0, 2, immediate.memoryAccess], // notify, wait32, wait64
  [3, 3, immediate.byte], // fence
  [0x10, 0x4e, immediate.memoryAccess],
]);

const tablesByPrefix = new Map<number, Uint8Array>([
  [prefixes.objects, objects],
  [prefixes.misc, misc],
  [prefixes.simd, simd],
  [prefixes.atomic, atomic],
]);

/** Kinds of immediates by opcode without a prefix. */
export const plainImmediates: Readonly<Uint8Array> = plain;

/** The kind of immediate after a prefixed opcode. */
export function prefixedImmediate(prefix: number, opcode: number): Immediate {
  return (tablesByPrefix.get(prefix)?.[opcode] ?? immediate.unknown) as Immediate;
}

function toTable(length: number, rows: readonly Row[]): Uint8Array {
  const table = new Uint8Array(length);
  for (const [first, last, kind] of rows) table.fill(kind, first, last + 1);
  return table;
}
