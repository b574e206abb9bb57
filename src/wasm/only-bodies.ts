/** A module with only some of its bodies, for a trial of their compilation; see `src/functions/trial.ts`. */
import type { ModuleScan } from './scan.ts';
import { sectionId } from './sections.ts';
import { encodeU32, PieceWriter } from './writer.ts';

const call = 0x10;
const end = 0x0b;
const localGet = 0x20;

/**
 * All other bodies call themselves with what they were given, so what they give cannot be known: whoever calls them is
 * compiled as if they were whole.
 */
export function onlyBodies(scan: ModuleScan, kept: ReadonlySet<number>): Uint8Array<ArrayBuffer> {
  const { bytes, code, functions, types, sections } = scan;
  const imported = functions.length - code.shapes.length;
  const content = new PieceWriter();
  content.addU32(code.shapes.length);
  for (const [body, { start, byteLength }] of code.shapes.entries()) {
    if (kept.has(body)) {
      content.addU32(byteLength);
      content.add(bytes.subarray(start, start + byteLength));
      continue;
    }
    const index = imported + body;
    const stub = encodeStub(index, types.signatures[functions[index]!]!.indexOf(':'));
    content.addU32(stub.length);
    content.add(stub);
  }
  const section = sections.find(({ id }) => id === sectionId.code)!;
  const writer = new PieceWriter();
  writer.add(bytes.subarray(0, section.start));
  writer.add([sectionId.code, ...encodeU32(content.byteLength)]);
  writer.addAll(content);
  writer.add(bytes.subarray(section.end));
  return writer.toBytes();
}

function encodeStub(index: number, parameters: number): readonly number[] {
  const stub = [0];
  for (let parameter = 0; parameter < parameters; parameter++) stub.push(localGet, ...encodeU32(parameter));
  stub.push(call, ...encodeU32(index), end);
  return stub;
}
