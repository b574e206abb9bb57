import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { noSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { PreparedModule } from '../../src/functions/prepare.ts';
import { createFunctionPrograms } from '../../src/functions/programs.ts';
import { createCopyMemory } from '../../src/memory/copy.ts';
import type { MemoryPort, PreparedImage } from '../../src/memory/port.ts';

const user = 'ada' as UserName;
const name = 'f' as FunctionName;
const image = createCopyMemory().capture(new WebAssembly.Memory({ initial: 1 }));
const module: PreparedModule = {
  module: new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)),
  imports: [],
  layout: {
    entry: 'exec',
    entryParameters: 0,
    initializers: [],
    memory: 'memory',
    mutableGlobals: [],
    deniedGrowth: undefined,
    catches: false,
    restorable: true,
  },
  signature: ':',
  fingerprint: 'fingerprint',
};
const parts = { prepared: module, settings: noSettings };

/** What is loaded from the store, and the images that are prepared and not discarded. */
function start() {
  const images = new Set<PreparedImage>();
  const loaded: string[] = [];
  let refusals = 0;
  const copy = createCopyMemory();
  const memory: MemoryPort = {
    ...copy,
    prepare(wanted) {
      if (refusals-- > 0) throw new FaasmError('no_capacity', 'no file');
      const made = copy.prepare(wanted);
      images.add(made);
      return made;
    },
    discard: (each) => void images.delete(each),
  };
  const programs = createFunctionPrograms({
    memory,
    protos: { of: async () => ({ image, globals: [] }) },
    async load(_user, _name, version) {
      loaded.push(version);
      return parts;
    },
  });
  return {
    programs,
    images,
    loaded,
    refuseOnce() {
      refusals = 1;
    },
  };
}

test('add() prepares no image, and hold() needs not load what was added', async (t) => {
  const { programs, images, loaded } = start();
  await programs.add(user, name, 'v1', parts);
  t.is(images.size, 0);
  const { program } = await programs.hold(user, name, 'v1');
  t.is(program.key, 'ada/f@v1');
  t.true(images.has(program.proto!.image!));
  t.deepEqual(loaded, []);
});

test('a program that several hold is made once, and discarded when the last lets go', async (t) => {
  const { programs, images, loaded } = start();
  const [one, two] = await Promise.all([programs.hold(user, name, 'v1'), programs.hold(user, name, 'v1')]);
  t.is(one.program, two.program);
  t.deepEqual(loaded, ['v1']);
  one.release();
  await Promise.resolve();
  t.is(images.size, 1);
  two.release();
  await Promise.resolve();
  t.is(images.size, 0);
});

test('hold() of a version that was let go of makes it again', async (t) => {
  const { programs, images, loaded } = start();
  (await programs.hold(user, name, 'v1')).release();
  await programs.hold(user, name, 'v1');
  t.is(images.size, 1);
  t.deepEqual(loaded, ['v1', 'v1']);
});

test('hold() of an older version than was added loads it', async (t) => {
  const { programs, loaded } = start();
  await programs.add(user, name, 'v2', parts);
  t.is((await programs.hold(user, name, 'v1')).program.version, 'v1');
  t.deepEqual(loaded, ['v1']);
  await programs.hold(user, name, 'v2');
  t.deepEqual(loaded, ['v1']);
});

test('hold() that failed can be tried again', async (t) => {
  const { programs, images, refuseOnce } = start();
  refuseOnce();
  await t.throwsAsync(programs.hold(user, name, 'v1'), { code: 'no_capacity' });
  await programs.hold(user, name, 'v1');
  t.is(images.size, 1);
});

test('close() discards what is held', async (t) => {
  const { programs, images } = start();
  await programs.hold(user, name, 'v1');
  await programs.hold(user, 'g' as FunctionName, 'v1');
  programs.close();
  await Promise.resolve();
  t.is(images.size, 0);
});
