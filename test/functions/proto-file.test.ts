import test from 'ava';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { GlobalValue, InitializedState } from '../../src/faaslet/program.ts';
import { decodeProto, encodeProto } from '../../src/functions/proto-file.ts';
import { sha256 } from '../../src/functions/sha256.ts';
import { createCopyMemory } from '../../src/memory/copy.ts';
import type { MemoryImage } from '../../src/memory/port.ts';
import { createRandom } from '../random.ts';

const name = {
  user: 'ada' as UserName,
  name: 'f' as FunctionName,
  version: sha256('module'),
  fingerprint: sha256('rewritten'),
};
const unusable = (why: RegExp) => ({ code: 'storage_unavailable', message: why });

function imageOf(seed: number, writes: number): MemoryImage {
  const random = createRandom(seed);
  const memory = new WebAssembly.Memory({ initial: 1 + random.below(8) });
  const bytes = new Uint8Array(memory.buffer);
  for (let left = writes; left > 0; left--) bytes[random.below(bytes.length)] = random.below(256);
  return createCopyMemory().capture(memory);
}

async function roundTrip(state: InitializedState): Promise<InitializedState> {
  return decodeProto(name, await encodeProto(name, state));
}

test('decodeProto() gives what encodeProto() was given, for random memories and globals', async (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = createRandom(seed);
    const image = imageOf(seed, random.below(20));
    const globals = Array.from({ length: random.below(10) }, (): GlobalValue => {
      const value = random.below(2 ** 31) - 2 ** 30;
      return [value, BigInt(value) << 32n, value / 1024, null][random.below(4)]!;
    });
    const left = await roundTrip({ image, globals });
    t.deepEqual(left.globals, globals, `seed ${seed}`);
    t.is(left.image!.byteLength, image.byteLength);
    t.deepEqual(left.image!.runs, image.runs);
    t.deepEqual(new Uint8Array(left.image!.pages), new Uint8Array(image.pages));
  }
});

test('decodeProto() gives the state of a booted command back, beside its memory and alone', async (t) => {
  const boot = {
    pointer: 65_536,
    output: Uint8Array.of(0, 128, 255),
    descriptors: [
      {
        fd: 4,
        on: { path: 'é', content: 'c' },
        rightsBase: 1,
        rightsInheriting: 2,
        flags: 4,
        offset: 7,
      },
    ],
  };
  const image = imageOf(1, 20);
  const left = await roundTrip({ image, globals: [1n], boot });
  t.deepEqual(left.boot, boot);
  t.deepEqual(new Uint8Array(left.image!.pages), new Uint8Array(image.pages));
  t.deepEqual((await roundTrip({ image: undefined, globals: [], boot })).boot, boot);
});

test('decodeProto() gives globals at the edge of their types back', async (t) => {
  const globals = [
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Math.fround(0.1),
    5e-324,
    -(2 ** 31),
    -(2n ** 63n),
    2n ** 63n - 1n,
    null,
  ];
  t.deepEqual(await roundTrip({ image: undefined, globals }), { image: undefined, globals });
});

test('encodeProto() writes no page that is zero', async (t) => {
  const image = createCopyMemory().capture(new WebAssembly.Memory({ initial: 1024 }));
  t.true((await encodeProto(name, { image, globals: [] })).length < 4096);
});

test('decodeProto() refuses a file with any one byte changed', async (t) => {
  const whole = await encodeProto(name, { image: imageOf(1, 3), globals: [1, 2n, null] });
  const random = createRandom(7);
  const places = [
    ...Array.from({ length: 160 }, (_, at) => at),
    ...Array.from({ length: 200 }, () => random.below(whole.length)),
  ];
  for (const at of places) {
    const damaged = whole.slice();
    damaged[at] = damaged[at]! ^ (1 << random.below(8));
    await t.throwsAsync(decodeProto(name, damaged), { code: 'storage_unavailable' }, `byte ${at}`);
  }
});

test('decodeProto() refuses a file that was cut off', async (t) => {
  const whole = await encodeProto(name, { image: imageOf(1, 3), globals: [1] });
  for (const length of [0, 7, 95, 96, 4000, whole.length - 1]) {
    await t.throwsAsync(decodeProto(name, whole.subarray(0, length)), { code: 'storage_unavailable' });
  }
});

for (const [about, other] of [
  ['user', { ...name, user: 'eve' as UserName }],
  ['function', { ...name, name: 'g' as FunctionName }],
  ['version', { ...name, version: sha256('other') }],
  ['fingerprint', { ...name, fingerprint: sha256('other') }],
] as const) {
  test(`decodeProto() refuses the Proto-Faaslet of another ${about}`, async (t) => {
    const bytes = await encodeProto(other, { image: imageOf(1, 3), globals: [] });
    await t.throwsAsync(decodeProto(name, bytes), unusable(/another function/));
  });
}

test('decodeProto() refuses runs that do not fit the memory', async (t) => {
  const image = {
    ...imageOf(1, 3),
    byteLength: 65_536,
    runs: Uint32Array.of(0, 1, 16, 1),
    pages: new Uint8Array(8192),
  };
  const bytes = await encodeProto(name, { image, globals: [] });
  await t.throwsAsync(decodeProto(name, bytes), unusable(/beyond the memory/));
});
