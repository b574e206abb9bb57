import { FaasmError } from '../../../proto/errors.ts';
import type { Signature } from '../host/port.ts';
import { type ByteReader, toHex } from './reader.ts';
import { structureLimits } from './structure-limits.ts';

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

/** Heap types that stand for functions, references of the host and exceptions; as a value type, a nullable reference. */
const heapTypes = new Map<number, { readonly name: string; readonly value: ValueType }>([
  [0x70, { name: 'func', value: { letter: 'r', text: 'funcref', settable: true } }],
  [0x6f, { name: 'extern', value: { letter: 'r', text: 'externref', settable: true } }],
  [0x69, { name: 'exn', value: { letter: 'r', text: 'exnref', settable: false, exception: true } }],
  [0x73, { name: 'nofunc', value: { letter: 'r', text: 'nullfuncref', settable: true } }],
  [0x72, { name: 'noextern', value: { letter: 'r', text: 'nullexternref', settable: true } }],
  [0x74, { name: 'noexn', value: { letter: 'r', text: 'nullexnref', settable: false, exception: true } }],
]);

const refusedTypes = new Map<number, string>([
  [0x71, 'none'],
  [0x6e, 'any'],
  [0x6d, 'eq'],
  [0x6c, 'i31'],
  [0x6b, 'struct'],
  [0x6a, 'array'],
  [0x5f, 'struct'],
  [0x5e, 'array'],
  [0x50, 'sub'],
  [0x4f, 'sub final'],
]);

const refType = 0x64;
const refNullType = 0x63;
const functionForm = 0x60;
const recursiveForm = 0x4e;

/** @throws FaasmError always */
export function refuseGarbageCollection(what: string): never {
  throw new FaasmError(
    'unsupported_module',
    `The module uses wasm-GC (${what}), and no quota can count garbage-collected objects yet: ` +
      'build it for linear memory, as with target wasm32-wasip1',
  );
}

/** @param typeCount type indices are below it */
export function readValueType(reader: ByteReader, typeCount: number): ValueType {
  const code = reader.u8();
  const plain = valueTypes.get(code) ?? heapTypes.get(code)?.value;
  if (plain !== undefined) return plain;
  if (code === refType || code === refNullType) {
    const heap = readHeapType(reader, typeCount);
    return { ...heap, letter: 'r', text: `(ref ${code === refNullType ? 'null ' : ''}${heap.text})` };
  }
  throw refuseType(reader, code);
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
  if (heap === undefined) throw refuseType(reader, code);
  return { ...heap.value, text: heap.name };
}

export interface FunctionTypes {
  /** Entries of the section's vector: single types and recursion groups. */
  readonly entryCount: number;
  /** By type index. */
  readonly signatures: readonly Signature[];
}

/** The type section: function types, alone or in recursion groups. */
export function readFunctionTypes(reader: ByteReader): FunctionTypes {
  const entryCount = reader.count('types', structureLimits.types);
  const signatures: Signature[] = [];
  for (let entry = 0; entry < entryCount; entry++) {
    let members = 1;
    if (reader.peek() === recursiveForm) {
      reader.skip(1);
      members = reader.count('types in a recursion group', structureLimits.types);
    }
    const groupEnd = signatures.length + members;
    if (groupEnd > structureLimits.types) {
      throw reader.bad(`it has more than ${structureLimits.types} types`);
    }
    while (signatures.length < groupEnd) signatures.push(readFunctionType(reader, groupEnd));
  }
  return { entryCount, signatures };
}

function readFunctionType(reader: ByteReader, typeCount: number): Signature {
  const form = reader.u8();
  if (form !== functionForm) throw refuseType(reader, form);
  const parameters = readLetters(reader, typeCount);
  return `${parameters}:${readLetters(reader, typeCount)}`;
}

function readLetters(reader: ByteReader, typeCount: number): string {
  let letters = '';
  for (
    let left = reader.count('values in a function type', structureLimits.functionValues);
    left > 0;
    left--
  ) {
    letters += readValueType(reader, typeCount).letter;
  }
  return letters;
}

function refuseType(reader: ByteReader, code: number): FaasmError {
  const refused = refusedTypes.get(code);
  if (refused !== undefined) refuseGarbageCollection(`the type \`${refused}\``);
  return reader.bad(`the type ${toHex(code)} is unknown`);
}
