/** The type section: types of functions, structs and arrays, alone or in recursion groups. */
import type { ByteReader } from './reader.ts';
import { structureLimits } from './structure-limits.ts';
import { readValueType, type Signature, unknownType } from './types.ts';

export interface StructType {
  readonly fields: number;
  /** What an object of it takes of the heap. */
  readonly byteLength: number;
}

export interface TypeSection {
  /** Entries of the section's vector: single types and recursion groups. */
  readonly entryCount: number;
  /** By type index; empty where the type is not one of functions. */
  readonly signatures: readonly (Signature | '')[];
  /** By type index. */
  readonly structs: ReadonlyMap<number, StructType>;
  /** Bytes of an element, by type index. */
  readonly arrays: ReadonlyMap<number, number>;
}

export const noTypes: TypeSection = {
  entryCount: 0,
  signatures: [],
  structs: new Map(),
  arrays: new Map(),
};

const forms = {
  function: 0x60,
  struct: 0x5f,
  array: 0x5e,
  sub: 0x50,
  subFinal: 0x4f,
  recursive: 0x4e,
} as const;

export const objectHeaderBytes = 16;
const referenceBytes = 8;
const bytesByLetter: Readonly<Record<string, number>> = { i: 4, I: 8, f: 4, F: 8, V: 16, r: referenceBytes };
/** Field types that are no value types. */
const packedBytes: ReadonlyMap<number, number> = new Map([
  [0x78, 1],
  [0x77, 2],
]);

export function readTypes(reader: ByteReader): TypeSection {
  const entryCount = reader.count('types', structureLimits.types);
  const types = new TypeReader(reader);
  for (let entry = 0; entry < entryCount; entry++) {
    if (reader.peek() !== forms.recursive) {
      types.readGroup(1);
      continue;
    }
    reader.skip(1);
    types.readGroup(reader.count('types in a recursion group', structureLimits.types));
  }
  const { signatures, structs, arrays } = types;
  return { entryCount, signatures, structs, arrays };
}

class TypeReader {
  readonly signatures: (Signature | '')[] = [];
  readonly structs = new Map<number, StructType>();
  readonly arrays = new Map<number, number>();
  readonly #reader: ByteReader;
  #fields = 0;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** Types that may refer to each other. */
  readGroup(members: number): void {
    const groupEnd = this.signatures.length + members;
    if (groupEnd > structureLimits.types) {
      throw this.#reader.bad(`it has more than ${structureLimits.types} types`);
    }
    while (this.signatures.length < groupEnd) this.#readType(groupEnd);
  }

  #readType(typeCount: number): void {
    const reader = this.#reader;
    const index = this.signatures.length;
    let form = reader.u8();
    if (form === forms.sub || form === forms.subFinal) {
      for (let left = reader.count('supertypes of a type', 1); left > 0; left--) reader.u32();
      form = reader.u8();
    }
    switch (form) {
      case forms.function: {
        const parameters = readLetters(reader, typeCount);
        this.signatures.push(`${parameters}:${readLetters(reader, typeCount)}`);
        return;
      }
      case forms.struct:
        this.structs.set(index, this.#readStruct(typeCount));
        break;
      case forms.array:
        this.arrays.set(index, readField(reader, typeCount));
        break;
      default:
        throw unknownType(reader, form);
    }
    this.signatures.push('');
    if (this.structs.size + this.arrays.size > structureLimits.objectTypes) {
      throw reader.bad(`it has more than ${structureLimits.objectTypes} types of structs and arrays`);
    }
  }

  #readStruct(typeCount: number): StructType {
    const reader = this.#reader;
    const fields = reader.count('fields in a struct', structureLimits.structFields);
    this.#fields += fields;
    if (this.#fields > structureLimits.fields) {
      throw reader.bad(`its structs have more than ${structureLimits.fields} fields together`);
    }
    let byteLength = objectHeaderBytes;
    for (let left = fields; left > 0; left--) byteLength += readField(reader, typeCount);
    return { fields, byteLength };
  }
}

/** @returns how many bytes it takes */
function readField(reader: ByteReader, typeCount: number): number {
  const packed = packedBytes.get(reader.peek());
  if (packed !== undefined) reader.skip(1);
  const byteLength = packed ?? bytesByLetter[readValueType(reader, typeCount).letter]!;
  if (reader.u8() > 1) throw reader.bad('a field is neither constant nor mutable');
  return byteLength;
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
