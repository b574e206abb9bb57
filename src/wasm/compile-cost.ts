/**
 * How much the engine's optimizing compiler may take for a body, without compiling it.
 *
 * It writes a body in a form in which each variable is set once. Where ways through the code meet, every local that is
 * set gets a value of its own, with an input for each way: memory grows with ways × locals, for a body that merely
 * grows with ways + locals. Before the content of a loop, what it sets is looked for, all through the loop: time grows
 * with the lengths of all loops together, which is quadratic in how deep they nest.
 *
 * The constants are the most that was measured, over straight code, blocks, arms, loops, branch tables and handlers,
 * nested and one after the other (V8 14.6, x64).
 */
import type { BodyShape } from './body-shape.ts';

/** For every byte of the body: 181, of additions alone. */
const bytesPerByte = 250;
/** For every value that is stored in an object: 745, of structs of 10,000 fields. */
const bytesPerStore = 900;
/** For every way and local that is set: 90, of nested arms, of branch tables and of handlers. */
const bytesPerValue = 100;
/** The least of it, of blocks one after the other. */
const bytesPerValueMin = 1;
/** For every way and local that is not. */
const bytesPerLocal = 16;
/** For every value that is passed: 120, of loops that begin and end with a thousand. */
const bytesPerPassed = 150;
/** For every value on the operand stack at a way or call, where the baseline compiler keeps its place. */
const bytesPerHeld = 16;

/** What compilation may take at most, in bytes of memory. */
export function compileMemoryMax(shape: BodyShape): number {
  const { byteLength, locals, ways, stores, passed, held } = shape;
  const straight = byteLength * bytesPerByte + stores * bytesPerStore;
  const merged = ways * (valuesOf(shape) * bytesPerValue + locals * bytesPerLocal);
  return straight + merged + passed * bytesPerPassed + held * bytesPerHeld;
}

/** What compilation takes at least, in bytes of memory. */
export function compileMemoryMin(shape: BodyShape): number {
  return shape.ways * valuesOf(shape) * bytesPerValueMin;
}

/** More locals than are set have no value to merge. */
function valuesOf({ locals, sets }: BodyShape): number {
  return Math.min(locals, sets);
}
