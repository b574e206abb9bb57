import { FaasmError } from '../../proto/errors.ts';
import type { ByteReader } from './reader.ts';

/** The size of a memory, in pages of 64 KiB, or of a table, in elements. */
export interface Limits {
  /** Where they stand in the module: from the flags to behind the last number. */
  readonly start: number;
  readonly end: number;
  readonly initial: number;
  readonly maximum: number | undefined;
  readonly shared: boolean;
}

const hasMaximum = 1;
const isShared = 2;
const is64Bit = 4;
const hasPageSize = 8;

/** Of 64 KiB each: 4 GiB. */
export const memoryPagesMax = 65_536;

export function readMemoryLimits(reader: ByteReader): Limits {
  const limits = readLimits(reader, 'memory');
  if (limits.initial > memoryPagesMax || (limits.maximum ?? 0) > memoryPagesMax) {
    throw reader.bad(`a memory is larger than ${memoryPagesMax} pages`);
  }
  if (limits.shared && limits.maximum === undefined) throw reader.bad('a shared memory has no maximum');
  return limits;
}

export function readTableLimits(reader: ByteReader): Limits {
  const limits = readLimits(reader, 'table');
  if (limits.shared) throw unsupported('a shared table');
  return limits;
}

function readLimits(reader: ByteReader, what: string): Limits {
  const start = reader.position;
  const flags = reader.u8();
  if (flags & is64Bit) throw unsupported(`a 64-bit ${what} (memory64)`);
  if (flags & hasPageSize) throw unsupported(`a ${what} with pages of its own size`);
  if (flags > (hasMaximum | isShared)) throw reader.bad(`the limits of a ${what} have unknown flags`);
  const initial = reader.u32();
  const maximum = flags & hasMaximum ? reader.u32() : undefined;
  return { start, end: reader.position, initial, maximum, shared: (flags & isShared) !== 0 };
}

function unsupported(what: string): FaasmError {
  return new FaasmError(
    'unsupported_module',
    `The module has ${what}, which is not supported: build it for 32-bit memory, as with target wasm32-wasip1`,
  );
}
