/** Modules of one function that grows with its ways and its locals, and whose compilation grows with both multiplied. */
import { encodeU32 } from '../../src/wasm/writer.ts';
import { codeWithLocals, fromSections, section } from './fixtures.ts';

const i32 = 0x7f;
const end = 0x0b;

/** Ways out of one block, each with another value of another local. */
export function waysAndLocals(ways: number, locals: number): Uint8Array<ArrayBuffer> {
  const code = [0x02, 0x40];
  for (let way = 0; way < ways; way++) {
    code.push(
      ...load(4 * way),
      0x21,
      ...encodeU32(way % locals),
      0x20,
      ...encodeU32((way * 7) % locals),
      0x0d,
      0,
    );
  }
  return moduleOf(locals, [...code, end, ...useAll(locals), end]);
}

/** Loops in loops, with nothing in them. */
export function nestedLoops(depth: number, locals: number): Uint8Array<ArrayBuffer> {
  const loops = new Array<number[]>(depth).fill([0x03, 0x40]).flat();
  return moduleOf(locals, [...loops, ...new Array<number>(depth).fill(end), end]);
}

/** Arms in arms, each of which sets a local. */
export function nestedArms(depth: number, locals: number): Uint8Array<ArrayBuffer> {
  const code: number[] = [];
  for (let arm = 0; arm < depth; arm++)
    code.push(
      0x20,
      ...encodeU32(arm % locals),
      0x04,
      0x40,
      ...load(4 * arm),
      0x21,
      ...encodeU32(arm % locals),
    );
  return moduleOf(locals, [...code, ...new Array<number>(depth).fill(end), ...useAll(locals), end]);
}

/** Calls whose exceptions one handler catches, each with another value of another local. */
export function caughtCalls(calls: number, locals: number): Uint8Array<ArrayBuffer> {
  const code = [0x06, 0x40];
  for (let call = 0; call < calls; call++)
    code.push(...load(4 * call), 0x21, ...encodeU32(call % locals), 0x10, 1);
  return moduleOf(locals, [...code, 0x19, end, ...useAll(locals), end]);
}

/** A table of branches out of as many blocks, after each of which a local is set. */
export function fannedOut(blocks: number, locals: number): Uint8Array<ArrayBuffer> {
  const code = [
    ...new Array<number[]>(blocks).fill([0x02, 0x40]).flat(),
    0x20,
    0,
    0x0e,
    ...encodeU32(blocks - 1),
  ];
  for (let block = 0; block < blocks; block++) code.push(...encodeU32(block));
  for (let block = 0; block < blocks; block++)
    code.push(end, ...load(4 * block), 0x21, ...encodeU32(block % locals));
  return moduleOf(locals, [...code, ...useAll(locals), end]);
}

function moduleOf(locals: number, code: readonly number[]): Uint8Array<ArrayBuffer> {
  return fromSections(
    section(1, [1, 0x60, 0, 0]),
    section(3, [2, 0, 0]),
    section(5, [1, 0, 1]),
    section(7, [1, 6, ...Buffer.from('_start'), 0, 0]),
    codeWithLocals([1, ...encodeU32(locals), i32], code, [end]),
  );
}

/** Pushes what stands at an address: what the engine cannot know. */
function load(address: number): number[] {
  return [0x41, ...encodeAddress(address), 0x28, 2, 0];
}

function useAll(locals: number): number[] {
  const code: number[] = [];
  for (let local = 0; local < locals; local++) code.push(0x41, 0, 0x20, ...encodeU32(local), 0x36, 2, 0);
  return code;
}

/** As a signed number of five bytes. */
function encodeAddress(address: number): number[] {
  return [0, 7, 14, 21].map((shift) => ((address >>> shift) & 0x7f) | 0x80).concat((address >>> 28) & 0x0f);
}
