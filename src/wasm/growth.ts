/**
 * The function that stands in for memory.grow: it grows the memory, and when that fails it leaves the number of
 * pages that were asked for in a global, so that running out of memory can be told from another trap.
 * Where there are several memories it also keeps their sum within the limit, which each one's own maximum cannot.
 */
import { encodeS64, encodeU32, sized } from './writer.ts';

const op = {
  if: 0x04,
  end: 0x0b,
  return: 0x0f,
  localGet: 0x20,
  localTee: 0x22,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eq: 0x46,
  i64GtU: 0x56,
  i64Add: 0x7c,
  i64ExtendI32U: 0xad,
} as const;

const i32 = 0x7f;
const noResult = 0x40;
const minusOne = 0x7f;
const pagesAsked = 0;
const grown = 1;

/** (i32) -> i32, of every function that the rewrite adds, as an entry of the type section. */
export const addedFunctionType: readonly number[] = [0x60, 1, i32, 1, i32];

/** i32, mutable, 0 at first, as an entry of the global section. */
export const deniedGlobal: readonly number[] = [i32, 1, op.i32Const, 0, op.end];

export interface GrowFunction {
  readonly memory: number;
  readonly memoryCount: number;
  /** Of all memories together. */
  readonly memoryMaxPages: number;
  readonly deniedGlobalIndex: number;
}

/** Its body, with its size before it. */
export function encodeGrowFunction({
  memory,
  memoryCount,
  memoryMaxPages,
  deniedGlobalIndex,
}: GrowFunction): readonly number[] {
  const noteDenied = [op.localGet, pagesAsked, op.globalSet, ...encodeU32(deniedGlobalIndex)];
  const body: number[] = [1, 1, i32];
  if (memoryCount > 1) {
    body.push(op.localGet, pagesAsked, op.i64ExtendI32U);
    for (let index = 0; index < memoryCount; index++) {
      body.push(op.memorySize, ...encodeU32(index), op.i64ExtendI32U, op.i64Add);
    }
    body.push(op.i64Const, ...encodeS64(memoryMaxPages), op.i64GtU);
    body.push(op.if, noResult, ...noteDenied, op.i32Const, minusOne, op.return, op.end);
  }
  body.push(op.localGet, pagesAsked, op.memoryGrow, ...encodeU32(memory), op.localTee, grown);
  body.push(op.i32Const, minusOne, op.i32Eq, op.if, noResult, ...noteDenied, op.end);
  body.push(op.localGet, grown, op.end);
  return sized(body);
}
