import { FaasmError } from '../../proto/errors.ts';
import type { ChangedBody, CodeSite } from './code.ts';
import { encodeCall, encodeLook, encodeTailCallsCheck } from './interruption.ts';
import { structureLimits } from './structure-limits.ts';
import { PieceWriter } from './writer.ts';

/** Where the functions stand that the rewrite adds. */
export interface AddedFunctions {
  /** By memory index. */
  readonly grow: ReadonlyMap<number, number>;
  readonly look: number;
  readonly bulk: number;
  /** By how many bytes an element has. */
  readonly arrayNew: ReadonlyMap<number, number>;
  readonly arrayBulk: ReadonlyMap<number, number>;
  /** The global of the pages that were denied. */
  readonly denied: number;
}

/**
 * The bodies of the code section with what each site is to become; all else is copied as it stands.
 * @param from where the first body begins, with its size
 * @param to where the last one ends
 */
export function changeBodies(
  bytes: Uint8Array,
  from: number,
  to: number,
  bodies: readonly ChangedBody[],
  added: AddedFunctions,
): PieceWriter {
  const writer = new PieceWriter();
  let copied = from;
  for (const body of bodies) {
    writer.add(bytes.subarray(copied, body.sizeStart));
    const changed = changeBody(bytes, body, added);
    writer.addU32(changed.byteLength);
    writer.addAll(changed);
    copied = body.end;
  }
  writer.add(bytes.subarray(copied, to));
  return writer;
}

function changeBody(bytes: Uint8Array, body: ChangedBody, added: AddedFunctions): PieceWriter {
  const writer = new PieceWriter();
  let copied = body.start;
  for (const site of body.sites) {
    writer.add(bytes.subarray(copied, site.start));
    writer.add(encodeSite(site, added));
    copied = site.end;
  }
  writer.add(bytes.subarray(copied, body.end));
  if (writer.byteLength > structureLimits.functionBodyBytes) {
    throw new FaasmError(
      'bad_module',
      `A function of the module has ${writer.byteLength} bytes with what is added to it, and the limit is ` +
        `${structureLimits.functionBodyBytes}: split it`,
    );
  }
  return writer;
}

function encodeSite(site: CodeSite, added: AddedFunctions): readonly number[] {
  const { grow, look, bulk, arrayNew, arrayBulk, denied } = added;
  switch (site.change) {
    case 'grow':
      return encodeCall(grow.get(site.memory)!);
    case 'bulk':
      return encodeCall(bulk);
    case 'look':
      return encodeLook(look);
    case 'arrayNew':
      return encodeCall(arrayNew.get(site.elementBytes)!);
    case 'arrayBulk':
      return encodeCall(arrayBulk.get(site.elementBytes)!);
    case 'tailCalls':
      return encodeTailCallsCheck(denied, look);
  }
}
