import test from 'ava';
import {
  type Immediate,
  immediate,
  plainImmediates,
  prefixedImmediate,
} from '../../src/wasm/instructions.ts';
import { encodeU32 } from '../../src/wasm/writer.ts';
import { codeSection, fromSections, section } from './fixtures.ts';

const unreachable = 0x00;
const end = 0x0b;

/** An encoding of each kind of immediate that is right in the module below for the opcodes that have it. */
const encodings: Readonly<Record<Immediate, readonly (readonly number[])[]>> = {
  [immediate.unknown]: [[], [0], [0, 0]],
  [immediate.none]: [[]],
  [immediate.blockType]: [[0x40]],
  [immediate.index]: [[0]],
  [immediate.functionIndex]: [[0]],
  [immediate.globalIndex]: [[0]],
  [immediate.typeIndex]: [0, 1, 2, 3, 4].map((type) => [type]),
  [immediate.twoIndices]: [[0, 0]],
  [immediate.typeAndIndex]: [0, 1, 2, 3, 4, 5].map((type) => [type, 0]),
  [immediate.labels]: [[0, 0]],
  [immediate.valueTypes]: [[1, 0x7f]],
  [immediate.catches]: [[0x40, 0]],
  [immediate.memoryAccess]: [0, 1, 2, 3].map((alignment) => [alignment, 0]),
  [immediate.memoryAccessAndLane]: [[0, 0, 0]],
  [immediate.i32]: [[0]],
  [immediate.i64]: [[0]],
  [immediate.byte]: [[0]],
  [immediate.bytes4]: [new Array<number>(4).fill(0)],
  [immediate.bytes8]: [new Array<number>(8).fill(0)],
  [immediate.bytes16]: [new Array<number>(16).fill(0)],
  [immediate.heapType]: [[0x70], [0x6e]],
  [immediate.prefix]: [],
  [immediate.twoTypes]: [[2, 2]],
  [immediate.castBranch]: [[3, 0, 0x6e, 0x6b]],
};

/** Code around an instruction: after `unreachable` it finds every operand that it wants. */
const surroundings: readonly (readonly [before: readonly number[], after: readonly number[]])[] = [
  [[unreachable], [unreachable, end]],
  [[unreachable], [unreachable, end, unreachable, end]],
  [[unreachable], []],
  [
    [unreachable, 0x04, 0x40, unreachable], // in an if
    [unreachable, end, end],
  ],
  [
    [0x06, 0x40, unreachable], // in a try
    [unreachable, end, end],
  ],
  [
    [unreachable, 0x02, 0x6e, unreachable], // in a block that gives a reference
    [unreachable, end, unreachable, end],
  ],
  [[0x06, 0x40, unreachable], [end]],
  [
    [0x06, 0x40, 0x19, unreachable], // in a catch_all
    [unreachable, end, end],
  ],
];

function isValid(instruction: readonly number[]): boolean {
  return surroundings.some(([before, after]) =>
    WebAssembly.validate(
      fromSections(
        // A function, structs with a packed field and with another, arrays of numbers, of bytes and of functions.
        section(
          1,
          [6, 0x60, 0, 0, 0x5f, 1, 0x78, 1, 0x5e, 0x7f, 1, 0x5e, 0x78, 1, 0x5e, 0x70, 1, 0x5f, 1, 0x7f, 1],
        ),
        section(3, [1, 0]),
        section(4, [1, 0x70, 0, 1]),
        section(5, [1, 3, 1, 2]),
        section(13, [1, 0, 0]),
        section(6, [1, 0x7f, 1, 0x41, 0, end]),
        section(7, [1, 1, 0x66, 0, 0]),
        section(9, [1, 1, 0, 0]),
        section(12, [1]),
        section(10, [
          1,
          before.length + instruction.length + after.length + 3,
          1,
          1,
          0x7f,
          ...before,
          ...instruction,
          ...after,
        ]),
        section(11, [1, 1, 0]),
      ),
    ),
  );
}

/** The engine has the opcode, with an immediate of this kind. */
function engineKnows(opcode: readonly number[], kind: Immediate): boolean {
  return encodings[kind].some((encoding) => isValid([...opcode, ...encoding]));
}

test('plainImmediates knows exactly the opcodes that the engine knows', (t) => {
  const disagreements: number[] = [];
  for (let opcode = 0; opcode < 0x100; opcode++) {
    const kind = plainImmediates[opcode] as Immediate;
    if (kind === immediate.prefix) continue;
    if ((kind !== immediate.unknown) !== engineKnows([opcode], kind)) disagreements.push(opcode);
  }
  t.deepEqual(disagreements, []);
});

for (const prefix of [0xfb, 0xfc, 0xfd, 0xfe]) {
  test(`prefixedImmediate() knows exactly the opcodes that the engine knows after 0x${prefix.toString(16)}`, (t) => {
    const disagreements: number[] = [];
    for (let opcode = 0; opcode < 0x180; opcode++) {
      const kind = prefixedImmediate(prefix, opcode);
      const known = engineKnows([prefix, ...encodeU32(opcode)], kind);
      if ((kind !== immediate.unknown) !== known) disagreements.push(opcode);
    }
    t.deepEqual(disagreements, []);
  });
}

test('isValid() tells right from wrong, so that the tables are compared with something', (t) => {
  t.true(isValid([0x6a]));
  t.false(isValid([0x27]));
  t.false(isValid([0x20, 9]));
  t.true(
    WebAssembly.validate(fromSections(section(1, [1, 0x60, 0, 0]), section(3, [1, 0]), codeSection([end]))),
  );
});
