import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { noSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { answerInside } from '../../src/bus/private.ts';
import { type Program, programKey } from '../../src/faaslet/program.ts';
import { programTopic } from '../../src/functions/messages.ts';
import { nodePowers } from '../../src/power/node.ts';
import { createPrograms } from '../../src/worker-pool/programs.ts';

const user = 'ada' as UserName;
const name = 'f' as FunctionName;
const keyOf = (version: string) => programKey(user, name, version);
const wasm = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));

function programOf(version: string): Program {
  const layout = {
    entry: 'exec',
    entryParameters: 0,
    initializers: [],
    memory: undefined,
    mutableGlobals: [],
    deniedGrowth: undefined,
    catches: false,
    restorable: true,
  };
  return {
    key: keyOf(version),
    version,
    user,
    function: name,
    settings: noSettings,
    module: wasm,
    imports: [],
    layout,
    proto: undefined,
  };
}

/** A functions actor that answers when it is told to, and what was released and forgotten. */
function start() {
  const bus = createMemoryBus({ powers: nodePowers });
  const released: string[] = [];
  const dropped: string[] = [];
  const asked: string[] = [];
  let gate = Promise.resolve();
  let fails = false;
  let give = (version: string) => programOf(version);
  answerInside(bus, privateSubjects.program(), programTopic, async ({ version }) => {
    asked.push(version);
    await gate;
    if (fails) {
      fails = false;
      throw new FaasmError('not_found', 'There is no such function');
    }
    const program = give(version);
    return { program, release: () => void released.push(program.version) };
  });
  return {
    released,
    dropped,
    asked,
    programs: createPrograms(bus, (key) => dropped.push(key)),
    shut() {
      const opened = Promise.withResolvers<void>();
      gate = opened.promise;
      return opened.resolve;
    },
    failOnce() {
      fails = true;
    },
    giveAlways(version: string) {
      give = () => programOf(version);
    },
  };
}

test('get() asks once, and then gives the program at once', async (t) => {
  const { programs, asked } = start();
  const [one, two] = await Promise.all([programs.get(user, name, 'v1'), programs.get(user, name, 'v1')]);
  t.is(one, two);
  t.is(programs.get(user, name, 'v1'), one);
  t.deepEqual(asked, ['v1']);
});

test('forget() lets go at once of a program that no call has', async (t) => {
  const { programs, released, dropped } = start();
  programs.ended(await programs.get(user, name, 'v1'));
  t.deepEqual(released, []);
  programs.forget(keyOf('v1'));
  t.deepEqual(released, ['v1']);
  t.deepEqual(dropped, [keyOf('v1')]);
});

test('a forgotten program is let go of when the last of its calls has ended', async (t) => {
  const { programs, released, dropped } = start();
  const program = await programs.get(user, name, 'v1');
  t.is(programs.get(user, name, 'v1'), program);
  programs.forget(keyOf('v1'));
  programs.ended(program);
  t.deepEqual([released, dropped], [[], []]);
  programs.ended(program);
  t.deepEqual([released, dropped], [['v1'], [keyOf('v1')]]);
});

test('a program that is live again before its calls have ended is kept as it is', async (t) => {
  const { programs, released, asked } = start();
  const program = await programs.get(user, name, 'v1');
  programs.forget(keyOf('v1'));
  t.is(programs.get(user, name, 'v1'), program);
  programs.ended(program);
  programs.ended(program);
  t.deepEqual(released, []);
  t.deepEqual(asked, ['v1']);
});

test('a program that was superseded while it was asked for lives as long as its calls', async (t) => {
  const { programs, released, shut } = start();
  const open = shut();
  const waiting = [programs.get(user, name, 'v1'), programs.get(user, name, 'v1')];
  programs.forget(keyOf('v1'));
  open();
  const [program] = await Promise.all(waiting);
  programs.ended(program!);
  t.deepEqual(released, []);
  programs.ended(program!);
  t.deepEqual(released, ['v1']);
});

test('another version than was asked for is held once, however often it is given', async (t) => {
  const { programs, released, giveAlways } = start();
  giveAlways('v2');
  const one = await programs.get(user, name, 'v1');
  const two = await programs.get(user, name, 'v1');
  t.is(one, two);
  t.deepEqual(released, ['v2']);
  programs.forget(keyOf('v2'));
  programs.ended(one);
  t.deepEqual(released, ['v2']);
  programs.ended(two);
  t.deepEqual(released, ['v2', 'v2']);
});

test('programs over the limit are let go of, the longest unused first, unless a call has them', async (t) => {
  const { programs, released } = start();
  const first = await programs.get(user, name, 'v0');
  for (let at = 1; at <= 501; at++) programs.ended(await programs.get(user, name, `v${at}`));
  t.deepEqual(released, ['v1']);
  programs.ended(first);
  t.deepEqual(released, ['v1', 'v0']);
});

test('get() tells of a failure, and asks again the next time', async (t) => {
  const { programs, asked, failOnce } = start();
  failOnce();
  await t.throwsAsync(async () => programs.get(user, name, 'v1'), { code: 'not_found' });
  t.is((await programs.get(user, name, 'v1')).version, 'v1');
  t.deepEqual(asked, ['v1', 'v1']);
});

test('nothing refers to a program that was let go of', async (t) => {
  const { programs } = start();
  const ref = await (async () => {
    const program = await programs.get(user, name, 'v1');
    programs.ended(program);
    programs.forget(program.key);
    return new WeakRef(program);
  })();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 5 && ref.deref() !== undefined; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
  }
  t.is(ref.deref(), undefined);
});
