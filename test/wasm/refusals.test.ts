import test from 'ava';
import { inspectModule, type ModuleLimits } from '../../src/wasm/inspect.ts';
import { rewriteModule } from '../../src/wasm/rewrite.ts';
import { encodeU32 } from '../../src/wasm/writer.ts';
import { codeSection, fromSections, fromWat, refusal, section, toBytes } from './fixtures.ts';

const limits: ModuleLimits = { memoryMaxPages: 256 };
const end = 0x0b;

const refuses = test.macro({
  title: (what) => `inspectModule() refuses ${what}`,
  exec(t, bytes: Uint8Array, wanted: RegExp, under: ModuleLimits = limits) {
    t.regex(
      refusal(() => inspectModule(bytes, under)),
      wanted,
    );
  },
});

const wat = '(module (func (export "f")))';
test('an empty upload', refuses, toBytes(''), /^bad_module: .*empty/);
test('an ELF program', refuses, toBytes('\x7fELF\x02\x01\x01'), /^bad_module: .*ELF file/);
test('a Mach-O program', refuses, toBytes('\xcf\xfa\xed\xfe\x0c'), /^bad_module: .*Mach-O/);
test('gzip data', refuses, toBytes('\x1f\x8b\x08\x00'), /^bad_module: .*gzip data; unpack/);
test('a zip archive', refuses, toBytes('PK\x03\x04'), /^bad_module: .*zip archive/);
test('WebAssembly text', refuses, toBytes(wat), /^bad_module: .*WebAssembly text; .*wat2wasm/);
test('WebAssembly text after blanks', refuses, toBytes(`\n  ${wat}`), /^bad_module: .*WebAssembly text/);
test('an HTML page', refuses, toBytes('<!DOCTYPE html><html>'), /^bad_module: .*HTML page/);
test('a script', refuses, toBytes('#!/bin/sh\n'), /^bad_module: .*a script/);
test('a static library', refuses, toBytes('!<arch>\nlibc.o'), /^bad_module: .*static library; link/);
test('C source', refuses, toBytes('int main() { return 0; }'), /^bad_module: .*looks like text/);
test('noise', refuses, toBytes('\x00\x01\x02\x03\xff'), /^bad_module: .*unknown binary data/);
test('a header cut short', refuses, toBytes('\0asm\x01\0'), /^bad_module: .*truncated to 6 bytes/);
test('another version', refuses, toBytes('\0asm\x02\0\0\0'), /^bad_module: .*version is 2/);
test(
  'a component',
  refuses,
  toBytes('\0asm\x0d\0\x01\0'),
  /^unsupported_module: .*component.*wasm32-wasip1.*unbundle/,
);

test(
  'a section that is cut off',
  refuses,
  fromWat(wat).subarray(0, 20),
  /^bad_module: .*truncated: the .* section has .* upload the whole file/,
);
test('an unknown section', refuses, fromSections(section(99, [])), /^bad_module: .*section 99 is unknown/);
test(
  'sections out of order',
  refuses,
  fromSections(section(3, [0]), section(1, [0])),
  /^bad_module: .*the type section is out of order/,
);
test(
  'a section twice',
  refuses,
  fromSections(section(1, [0]), section(1, [0])),
  /^bad_module: .*there twice/,
);
test('bytes left over', refuses, fromSections(section(1, [0, 0])), /^bad_module: .*1 bytes are left over/);
test(
  'more entries than there are bytes',
  refuses,
  fromSections(section(1, [0x80, 0x80, 4])),
  /^bad_module: .*announces 65536 types/,
);
test(
  'a number above 32 bits',
  refuses,
  fromSections(section(1, [0xff, 0xff, 0xff, 0xff, 0x7f])),
  /^bad_module: .*does not fit 32 bits/,
);
test(
  'too many types',
  refuses,
  fromSections(section(1, [0xc0, 0x84, 0x3d])),
  /^bad_module: .*1000000 types.*limit is 999999/,
);
test(
  'too many functions',
  refuses,
  fromSections(section(1, [1, 0x60, 0, 0]), section(3, [0xc0, 0x84, 0x3d])),
  /^bad_module: .*1000000 functions.*limit is 999900/,
);
test(
  'too many imports',
  refuses,
  fromSections(section(2, [0xa1, 0x8d, 6])),
  /^bad_module: .*100001 imports.*limit is 100000/,
);
test(
  'too many exports',
  refuses,
  fromSections(section(7, [0xa1, 0x8d, 6])),
  /^bad_module: .*100001 exports.*limit is 100000/,
);
test(
  'a name that is not UTF-8',
  refuses,
  fromSections(section(7, [1, 1, 0xff, 0, 0])),
  /^bad_module: .*UTF-8/,
);
test(
  'functions without bodies',
  refuses,
  fromSections(section(1, [1, 0x60, 0, 0]), section(3, [1, 0])),
  /^bad_module: .*1 functions have no body/,
);

const memory = (...entry: number[]) => fromSections(section(5, [1, ...entry]));
test('a 64-bit memory', refuses, memory(4, 1), /^unsupported_module: .*memory64/);
test(
  'a 64-bit table',
  refuses,
  fromSections(section(4, [1, 0x70, 4, 1])),
  /^unsupported_module: .*64-bit table/,
);
test('pages of another size', refuses, memory(8, 1, 0), /^unsupported_module: .*pages of its own size/);
test(
  'a shared memory without a maximum',
  refuses,
  memory(2, 1),
  /^bad_module: .*shared memory has no maximum/,
);
test('a maximum above 4 GiB', refuses, memory(1, 0, 0x81, 0x80, 4), /^bad_module: .*larger than 65536 pages/);
test(
  'a memory that starts above the limit',
  refuses,
  fromWat('(module (memory 513))'),
  /^bad_module: .*Its memory starts with 32\.1 MiB.*limit of a call is 16 MiB/,
);
test(
  'an imported memory that starts above the limit',
  refuses,
  fromWat('(module (import "a" "b" (memory 257)))'),
  /^bad_module: .*16\.1 MiB.*16 MiB/,
);
test(
  'memories that start above the limit together',
  refuses,
  fromWat('(module (memory 128) (memory 129))'),
  /^bad_module: .*2 memories start with 16\.1 MiB.*16 MiB/,
);
test(
  'too many memories',
  refuses,
  fromWat(`(module ${'(memory 0)'.repeat(3)})`),
  /^bad_module: .*3 memories.*limit is 2/,
  { ...limits, memoriesMax: 2 },
);
test(
  'a table that starts above the limit',
  refuses,
  fromWat('(module (table 100001 funcref))'),
  /^bad_module: .*100001 elements.*limit is 100000/,
);
test(
  'tables that start above the limit together',
  refuses,
  fromWat('(module (table 6 funcref) (table 5 externref))'),
  /^bad_module: .*11 elements.*limit is 10; raise FAASM_TABLE_MAX_ELEMENTS$/,
  { ...limits, tableMaxElements: 10 },
);
test(
  'too many tables',
  refuses,
  fromWat(`(module ${'(table 0 funcref)'.repeat(101)})`),
  /^bad_module: .*101 tables.*limit is 100/,
);

const type = (...entry: number[]) => fromSections(section(1, [1, ...entry]));
test(
  'a field of unknown mutability',
  refuses,
  type(0x5f, 1, 0x7f, 2),
  /^bad_module: .*neither constant nor mutable/,
);
test('a type with two supertypes', refuses, type(0x50, 2, 0, 0, 0x5f, 0), /^bad_module: .*2 supertypes/);
test(
  'a struct with too many fields',
  refuses,
  type(0x5f, ...encodeU32(10_001)),
  /^bad_module: .*10001 fields in a struct, and the limit is 10000/,
);
test(
  'too many fields in all structs',
  refuses,
  fromSections(section(1, [21, ...structsOf(21, 10_000)])),
  /^bad_module: .*more than 200000 fields together/,
);
test(
  'too many types of structs',
  refuses,
  fromSections(section(1, [...encodeU32(20_001), ...structsOf(20_001, 0)])),
  /^bad_module: .*more than 20000 types of structs and arrays/,
);
test(
  'a function of the type of a struct',
  refuses,
  fromSections(section(1, [1, 0x5f, 0]), section(3, [1, 0]), codeSection([end])),
  /^bad_module: .*type 0 is not one of functions/,
);
/** A global that holds an array of numbers. */
const arrayGlobal = (...length: number[]) =>
  fromSections(section(1, [1, 0x5e, 0x7e, 1]), section(6, [1, 0x64, 0, 0, ...length, 0xfb, 7, 0, end]));
test(
  'constants that make too much',
  refuses,
  arrayGlobal(0x41, ...encodeU32(2 ** 20)),
  /^bad_module: .*its constants make objects of more than 8388608 bytes/,
);
test(
  'an array in a constant whose length is computed',
  refuses,
  arrayGlobal(0x41, 1, 0x41, 1, 0x6a),
  /^bad_module: .*length that is no plain number/,
);

function structsOf(count: number, fields: number): number[] {
  const one = [0x5f, ...encodeU32(fields), ...new Array<number[]>(fields).fill([0x7f, 0]).flat()];
  return new Array<number[]>(count).fill(one).flat();
}

test('an unknown type', refuses, type(0x60, 1, 0x10, 0), /^bad_module: .*type 0x10 is unknown/);

const code = (...body: number[]) =>
  fromSections(section(1, [1, 0x60, 0, 0]), section(3, [1, 0]), codeSection([...body, end]));
test('an unknown instruction on objects', refuses, code(0xfb, 0x1f), /^unsupported_module: .*0xFB 0x1F/);
test(
  'a struct of a type that does not exist',
  refuses,
  code(0xfb, 1, 1),
  /^bad_module: .*type 1 does not exist/,
);
test(
  'a copy from an array of a type that does not exist',
  refuses,
  code(0, 0xfb, 17, 0, 1),
  /^bad_module: .*type 1 does not exist/,
);
test(
  'a cast to a type that does not exist',
  refuses,
  code(0, 0xfb, 22, 1),
  /^bad_module: .*type 1 does not exist/,
);
test('an unknown instruction', refuses, code(0xe0), /^unsupported_module: .*instruction 0xE0/);
test(
  'an unknown prefixed instruction',
  refuses,
  code(0xfd, 0x9a, 1),
  /^unsupported_module: .*instruction 0xFD 0x9A/,
);
test('a function cut off within an instruction', refuses, code(0x43, 0), /^bad_module: .*ends too early/);
test('a call to no function', refuses, code(0x10, 1), /^bad_module: .*function 1 does not exist/);
test('a global that is not there', refuses, code(0x23, 0, 0x1a), /^bad_module: .*global 0 does not exist/);
test('a block of a type that is not there', refuses, code(0x02, 1, end), /^bad_module: .*type of a block/);
test(
  'growth of no memory',
  refuses,
  code(0x41, 1, 0x40, 0, 0x1a),
  /^bad_module: .*memory 0, which does not exist/,
);
test(
  'growth of memory in more places than a rewrite can bear',
  refuses,
  fromSections(
    section(1, [1, 0x60, 0, 0]),
    section(3, [1, 0]),
    section(5, [1, 0, 1]),
    codeSection([0x41, 0, ...new Array<number[]>(1_000_001).fill([0x40, 0]).flat(), 0x1a, end]),
  ),
  /^bad_module: .*more than 1000000 places/,
);
test(
  'a dropped segment that cannot be there',
  refuses,
  code(0xfc, 9, 0xa0, 0x8d, 6),
  /^bad_module: .*segment 100000/,
);
test(
  'a function type with too many parameters',
  refuses,
  fromSections(section(1, [1, 0x60, 0xe9, 7, ...new Array<number>(1_001).fill(0x7f), 0])),
  /^bad_module: .*1001 values in a function type.*limit is 1000/,
);
test(
  'both kinds of exception handling at once',
  refuses,
  code(0x06, 0x40, 0x19, end, 0x1f, 0x40, 0, end),
  /^unsupported_module: .*mixes legacy exception handling/,
);
test(
  'legacy exception handling with a reference to an exception',
  refuses,
  code(0x06, 0x40, 0x19, end, 0xd0, 0x69, 0x1a),
  /^unsupported_module: .*mixes legacy exception handling/,
);

test(
  'an export of nothing',
  refuses,
  fromSections(section(7, [1, 0, 3, 0])),
  /^bad_module: .*global 0 does not exist/,
);
test(
  'a start function with a result',
  refuses,
  fromSections(
    section(1, [1, 0x60, 0, 1, 0x7f]),
    section(3, [1, 0]),
    section(8, [0]),
    codeSection([0x41, 0, end]),
  ),
  /^bad_module: .*start function 0 has parameters or results/,
);
test(
  'a reference to a start function that nothing declares',
  refuses,
  fromSections(
    section(1, [1, 0x60, 0, 0]),
    section(3, [1, 0]),
    section(8, [0]),
    codeSection([0xd2, 0, 0x1a, end]),
  ),
  /^bad_module: .*refers to function 0, which nothing outside code names/,
);
test(
  'an instruction that is not constant in a global',
  refuses,
  fromSections(section(6, [1, 0x7f, 0, 0x01, end])),
  /^bad_module: .*0x01 stands where only constants may/,
);

test('rewriteModule() refuses a memory that starts above the limit', (t) => {
  t.regex(
    refusal(() => rewriteModule(fromWat('(module (memory 17))'), { memoryMaxPages: 16 })),
    /^bad_module: .*1\.1 MiB.*1 MiB/,
  );
});

test('inspectModule() reads deep nesting without a stack of its own', (t) => {
  const depth = 200_000;
  const body = new Array<number>(2 * depth).fill(0x40);
  for (let at = 0; at < body.length; at += 2) body[at] = 0x02;
  const bytes = fromSections(
    section(1, [1, 0x60, 0, 0]),
    section(3, [1, 0]),
    codeSection(body.concat(new Array<number>(depth + 1).fill(end))),
  );
  t.deepEqual(inspectModule(bytes, limits).exports, []);
});
