/**
 * Where the engine itself would not look whether a guest has to end.
 *
 * It looks at each loop, and where a function begins that calls another. So a cycle of tail calls, in which nobody calls,
 * runs on for ever, and a row of large copies as long as all of them take. The rewrite has the first begin with a call
 * that is never made, and those be preceded by a real one. What is called calls itself, deeper than the engine inlines.
 */
import { encodeU32, sized } from './writer.ts';

const op = {
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  drop: 0x1a,
  localGet: 0x20,
  globalGet: 0x23,
  i32Const: 0x41,
  i32GeU: 0x4f,
  i32Sub: 0x6b,
} as const;

const noResult = 0x40;
/** V8 inlines to a depth of 7. */
const depth = 10;

/** Bytes that are copied in so short a time that nobody looks: some microseconds. */
export const bulkMinBytes = 65_536;
/** As a signed LEB128 number. */
const bulkMinEncoded = [0x80, 0x80, 0x04];

/** (i32) -> i32: calls itself so often, and gives what it was given. With its size before it. */
export function encodeLookFunction(self: number): readonly number[] {
  return sized([
    ...[0, op.localGet, 0, op.if, noResult],
    ...[op.localGet, 0, op.i32Const, 1, op.i32Sub, op.call, ...encodeU32(self), op.drop, op.end],
    ...[op.localGet, 0, op.end],
  ]);
}

/** (i32) -> i32: looks if what comes takes long, and gives what it was given. */
export function encodeBulkFunction(look: number): readonly number[] {
  return sized([
    ...[0, op.localGet, 0, op.i32Const, ...bulkMinEncoded, op.i32GeU, op.if, noResult],
    ...[...encodeLook(look), op.end],
    ...[op.localGet, 0, op.end],
  ]);
}

/** At the beginning of a function that makes tail calls. @param zero a global that the engine cannot know to be 0 */
export function encodeTailCallsCheck(zero: number, look: number): readonly number[] {
  return [op.globalGet, ...encodeU32(zero), op.if, noResult, ...encodeLook(look), op.end];
}

/** Before what may take long, whatever its operands. */
export function encodeLook(look: number): readonly number[] {
  return [op.i32Const, depth, op.call, ...encodeU32(look), op.drop];
}

export function encodeCall(target: number): readonly number[] {
  return [op.call, ...encodeU32(target)];
}
