import { FaasmError } from '../../../proto/errors.ts';
import type { GrowingBody } from './code.ts';
import { structureLimits } from './structure-limits.ts';
import { encodeU32, PieceWriter } from './writer.ts';

const call = 0x10;

/**
 * The bodies of the code section with each memory.grow as a call; all else is copied as it stands.
 * @param from where the first body begins, with its size
 * @param to where the last one ends
 * @param growFunctions by memory index, the function to call
 */
export function replaceGrowth(
  bytes: Uint8Array,
  from: number,
  to: number,
  bodies: readonly GrowingBody[],
  growFunctions: ReadonlyMap<number, number>,
): PieceWriter {
  const writer = new PieceWriter();
  let copied = from;
  for (const body of bodies) {
    writer.add(bytes.subarray(copied, body.sizeStart));
    const rewritten = rewriteBody(bytes, body, growFunctions);
    writer.addU32(rewritten.byteLength);
    writer.addAll(rewritten);
    copied = body.end;
  }
  writer.add(bytes.subarray(copied, to));
  return writer;
}

function rewriteBody(
  bytes: Uint8Array,
  body: GrowingBody,
  growFunctions: ReadonlyMap<number, number>,
): PieceWriter {
  const writer = new PieceWriter();
  let copied = body.start;
  for (const site of body.sites) {
    writer.add(bytes.subarray(copied, site.start));
    writer.add([call, ...encodeU32(growFunctions.get(site.memory)!)]);
    copied = site.end;
  }
  writer.add(bytes.subarray(copied, body.end));
  if (writer.byteLength > structureLimits.functionBodyBytes) {
    throw new FaasmError(
      'bad_module',
      `A function of the module has ${writer.byteLength} bytes with its memory growth counted, and the limit is ` +
        `${structureLimits.functionBodyBytes}: split it`,
    );
  }
  return writer;
}
