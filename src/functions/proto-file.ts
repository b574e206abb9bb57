/**
 * A Proto-Faaslet as bytes, so that it outlives the process. All numbers are little-endian.
 *
 *   offset  bytes
 *        0      8  magic, `FAASMPRO`
 *        8      4  format version, `protoFormat`
 *       12     32  sha256 of all that follows
 *       44     32  sha256 of the name of what it was taken of: user, function, version, fingerprint
 *       76      8  byte length of the linear memory
 *       84      4  1 when there is a linear memory, else 0
 *       88      4  number of globals
 *       92      4  number of runs
 *       96      4  byte length of the boot state
 *      100      4  0
 *      104    16×  globals: type (4), 0 (4), value (8)
 *              8×  runs: first page (4), number of pages (4), in pages of 4 KiB
 *          4,096×  the pages of the runs, one after the other
 *                  the boot state as JSON, its output in base64; only a command that is booted once has one
 *
 * JavaScript sees an i32, an f32 and an f64 as a number, and sets each of them from one without loss; so a number is
 * one type here, kept as an f64. The bits of a NaN are kept as far as the engine keeps them.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { FaasmError } from '../../proto/errors.ts';
import type { BootState, GlobalValue, InitializedState } from '../faaslet/program.ts';
import type { MemoryImage } from '../memory/port.ts';
import { checkImage } from '../memory/runs.ts';
import type { ProtoName } from './port.ts';
import { sha256 } from './sha256.ts';

/** To be raised when the bytes above, or what they mean to a Faaslet, change. */
export const protoFormat = 2;

const magic = Buffer.from('FAASMPRO');
const hashedFrom = 44;
const headerBytes = 104;
const globalBytes = 16;
const runBytes = 8;
const globalTypes = { null: 0, number: 1, i64: 2 } as const;
/** So much is hashed before other work has its turn. */
const hashStepBytes = 4 * 1024 * 1024;

export async function encodeProto(
  name: ProtoName,
  { image, globals, boot }: InitializedState,
): Promise<Uint8Array<ArrayBuffer>> {
  const runs = image?.runs ?? new Uint32Array(0);
  const globalsEnd = headerBytes + globals.length * globalBytes;
  const pagesStart = globalsEnd + runs.length * (runBytes / 2);
  const bootJson = boot === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(toBootJson(boot)));
  const bootStart = pagesStart + (image?.pages.byteLength ?? 0);
  const bytes = new Uint8Array(bootStart + bootJson.length);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(8, protoFormat, true);
  bytes.set(identityOf(name), hashedFrom);
  view.setBigUint64(76, BigInt(image?.byteLength ?? 0), true);
  view.setUint32(84, image === undefined ? 0 : 1, true);
  view.setUint32(88, globals.length, true);
  view.setUint32(92, runs.length / 2, true);
  view.setUint32(96, bootJson.length, true);
  for (const [at, value] of globals.entries()) writeGlobal(view, headerBytes + at * globalBytes, value);
  for (const [at, word] of runs.entries()) view.setUint32(globalsEnd + at * 4, word, true);
  if (image !== undefined) bytes.set(image.pages, pagesStart);
  bytes.set(bootJson, bootStart);
  bytes.set(await digest(bytes.subarray(hashedFrom)), 12);
  return bytes;
}

/** @throws FaasmError `storage_unavailable` for bytes that are damaged, or were taken of something else */
export async function decodeProto(name: ProtoName, bytes: Uint8Array): Promise<InitializedState> {
  if (bytes.length < headerBytes || !magic.equals(bytes.subarray(0, magic.length))) {
    throw unusable('it is no Proto-Faaslet');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = view.getUint32(8, true);
  if (format !== protoFormat) throw unusable(`its format is ${format}, not ${protoFormat}`);
  const hash = await digest(bytes.subarray(hashedFrom));
  if (!hash.equals(bytes.subarray(12, hashedFrom)))
    throw unusable('its bytes are not those that were written');
  if (!identityOf(name).equals(bytes.subarray(hashedFrom, 76))) throw unusable('it is of another function');

  const globalCount = view.getUint32(88, true);
  const runWords = view.getUint32(92, true) * 2;
  const globalsEnd = headerBytes + globalCount * globalBytes;
  const pagesStart = globalsEnd + runWords * 4;
  const bootStart = bytes.length - view.getUint32(96, true);
  if (pagesStart > bootStart) throw unusable('it ends too early');
  const globals = Array.from({ length: globalCount }, (_, at) =>
    readGlobal(view, headerBytes + at * globalBytes),
  );
  const runs = Uint32Array.from({ length: runWords }, (_, at) => view.getUint32(globalsEnd + at * 4, true));
  const boot = bootStart === bytes.length ? {} : { boot: fromBootJson(bytes.subarray(bootStart)) };
  if (view.getUint32(84, true) === 0) return { image: undefined, globals, ...boot };
  const image: MemoryImage = {
    byteLength: Number(view.getBigUint64(76, true)),
    runs,
    pages: bytes.subarray(pagesStart, bootStart),
  };
  try {
    checkImage(image);
  } catch (cause) {
    throw unusable((cause as Error).message, cause);
  }
  return { image, globals, ...boot };
}

function toBootJson({ output, ...rest }: BootState): object {
  return { ...rest, output: Buffer.from(output).toString('base64') };
}

function fromBootJson(bytes: Uint8Array): BootState {
  const { pointer, output, descriptors } = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return { pointer, output: new Uint8Array(Buffer.from(output, 'base64')), descriptors };
}

function writeGlobal(view: DataView, at: number, value: GlobalValue): void {
  if (value === null) {
    view.setUint32(at, globalTypes.null, true);
  } else if (typeof value === 'bigint') {
    view.setUint32(at, globalTypes.i64, true);
    view.setBigInt64(at + 8, value, true);
  } else {
    view.setUint32(at, globalTypes.number, true);
    view.setFloat64(at + 8, value, true);
  }
}

function readGlobal(view: DataView, at: number): GlobalValue {
  const type = view.getUint32(at, true);
  switch (type) {
    case globalTypes.null:
      return null;
    case globalTypes.number:
      return view.getFloat64(at + 8, true);
    case globalTypes.i64:
      return view.getBigInt64(at + 8, true);
    default:
      throw unusable(`it has a global of type ${type}`);
  }
}

function identityOf({ user, name, version, fingerprint }: ProtoName): Buffer {
  return Buffer.from(sha256(`${user}/${name}@${version}-${fingerprint}`), 'hex');
}

async function digest(bytes: Uint8Array): Promise<Buffer> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += hashStepBytes) {
    if (at > 0) await setImmediate();
    hash.update(bytes.subarray(at, at + hashStepBytes));
  }
  return hash.digest();
}

function unusable(why: string, cause?: unknown): FaasmError {
  return new FaasmError('storage_unavailable', `A kept Proto-Faaslet cannot be used: ${why}`, { cause });
}
