/**
 * What a side module asks of its loader, in its first custom section: `dylink.0` of the tool conventions, or `dylink`
 * before it.
 */
import { FaasmError } from '../../../proto/errors.ts';
import { ByteReader } from '../../wasm/reader.ts';

export interface Dylink {
  readonly memoryBytes: number;
  /** Power of two, in bytes. */
  readonly memoryAlignment: number;
  readonly tableElements: number;
  /** Names of side modules that are loaded before it. */
  readonly needed: readonly string[];
}

const memoryInfo = 1;
const neededInfo = 2;
const neededMax = 64;
/** Of a page of linear memory, which is where it gets its own. */
const alignmentMaxPower = 16;

/** @throws FaasmError `bad_module` for what is no side module */
export function readDylink(module: WebAssembly.Module): Dylink {
  const [present] = WebAssembly.Module.customSections(module, 'dylink.0');
  if (present !== undefined) return readPresent(reader(present));
  const [former] = WebAssembly.Module.customSections(module, 'dylink');
  if (former !== undefined) return readFormer(reader(former));
  throw new FaasmError(
    'bad_module',
    'It is no side module: it has no section dylink.0; link it with -shared',
  );
}

function reader(section: ArrayBuffer): ByteReader {
  const made = new ByteReader(new Uint8Array(section));
  made.where = 'the dylink section';
  return made;
}

function readPresent(from: ByteReader): Dylink {
  let dylink: Dylink = { memoryBytes: 0, memoryAlignment: 1, tableElements: 0, needed: [] };
  while (from.remaining > 0) {
    const type = from.u8();
    const byteLength = from.u32();
    const end = from.position + byteLength;
    if (byteLength > from.remaining) throw from.truncated();
    if (type === memoryInfo) dylink = { ...dylink, ...readSizes(from) };
    else if (type === neededInfo) dylink = { ...dylink, needed: readNames(from) };
    from.position = end;
  }
  return dylink;
}

function readFormer(from: ByteReader): Dylink {
  return { ...readSizes(from), needed: readNames(from) };
}

function readSizes(from: ByteReader): Omit<Dylink, 'needed'> {
  const memoryBytes = from.u32();
  const power = from.u32();
  const tableElements = from.u32();
  from.u32();
  if (power > alignmentMaxPower) throw from.bad(`an alignment of 2^${power} bytes is too much`);
  return { memoryBytes, memoryAlignment: 2 ** power, tableElements };
}

function readNames(from: ByteReader): string[] {
  return Array.from({ length: from.count('needed modules', neededMax) }, () => from.name());
}
