import type { FaasmError } from '../../proto/errors.ts';
import { type ByteReader, toHex } from './reader.ts';

/** A wasm function type in short: `i` i32, `I` i64, `f` f32, `F` f64, parameters and results parted by `:`; `ii:i`. */
export type Signature = string;

export interface ValueType {
  /** As in `Signature`, and `V` v128, `r` a reference. */
  readonly letter: string;
  /** As in WebAssembly text: `i32`, `funcref`, `(ref null 3)`. */
  readonly text: string;
  /** JavaScript can read a global of this type and set it to what it read. */
  readonly settable: boolean;
  /** A reference to an exception, which only the newer kind of exception handling has. */
  readonly exception?: boolean;
}

const v128: ValueType = { letter: 'V', text: 'v128', settable: false };

const valueTypes = new Map<number, ValueType>([
  [0x7f, { letter: 'i', text: 'i32', settable: true }],
  [0x7e, { letter: 'I', text: 'i64', settable: true }],
  [0x7d, { letter: 'f', text: 'f32', settable: true }],
  [0x7c, { letter: 'F', text: 'f64', settable: true }],
  [0x7b, v128],
]);

/** Heap types that have names; as a value type, a nullable reference. */
const heapTypes = new Map<number, { readonly name: string; readonly value: ValueType }>([
  [0x70, { name: 'func', value: { letter: 'r', text: 'funcref', settable: true } }],
  [0x6f, { name: 'extern', value: { letter: 'r', text: 'externref', settable: true } }],
  [0x69, { name: 'exn', value: { letter: 'r', text: 'exnref', settable: false, exception: true } }],
  [0x73, { name: 'nofunc', value: { letter: 'r', text: 'nullfuncref', settable: true } }],
  [0x72, { name: 'noextern', value: { letter: 'r', text: 'nullexternref', settable: true } }],
  [0x74, { name: 'noexn', value: { letter: 'r', text: 'nullexnref', settable: false, exception: true } }],
  [0x71, { name: 'none', value: { letter: 'r', text: 'nullref', settable: false } }],
  [0x6e, { name: 'any', value: { letter: 'r', text: 'anyref', settable: false } }],
  [0x6d, { name: 'eq', value: { letter: 'r', text: 'eqref', settable: false } }],
  [0x6c, { name: 'i31', value: { letter: 'r', text: 'i31ref', settable: false } }],
  [0x6b, { name: 'struct', value: { letter: 'r', text: 'structref', settable: false } }],
  [0x6a, { name: 'array', value: { letter: 'r', text: 'arrayref', settable: false } }],
]);

const refType = 0x64;
const refNullType = 0x63;

/** @param typeCount type indices are below it */
export function readValueType(reader: ByteReader, typeCount: number): ValueType {
  const code = reader.u8();
  const plain = valueTypes.get(code) ?? heapTypes.get(code)?.value;
  if (plain !== undefined) return plain;
  if (code === refType || code === refNullType) {
    const heap = readHeapType(reader, typeCount);
    return { ...heap, letter: 'r', text: `(ref ${code === refNullType ? 'null ' : ''}${heap.text})` };
  }
  throw unknownType(reader, code);
}

/** A value type that is a reference. */
export function readReferenceType(reader: ByteReader, typeCount: number): ValueType {
  const type = readValueType(reader, typeCount);
  if (type.letter !== 'r') throw reader.bad(`${type.text} is not a reference type`);
  return type;
}

/** What a reference refers to. */
export function readHeapType(reader: ByteReader, typeCount: number): Omit<ValueType, 'letter'> {
  const value = reader.s33();
  if (value >= 0) {
    if (value >= typeCount) throw reader.bad(`type ${value} does not exist`);
    return { text: String(value), settable: true };
  }
  const code = value & 0x7f;
  const heap = value >= -0x40 ? heapTypes.get(code) : undefined;
  if (heap === undefined) throw unknownType(reader, code);
  return { ...heap.value, text: heap.name };
}

export function unknownType(reader: ByteReader, code: number): FaasmError {
  return reader.bad(`the type ${toHex(code)} is unknown`);
}
