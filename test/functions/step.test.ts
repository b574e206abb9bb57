import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { type FunctionName, toFunctionName, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { readBody } from '../../src/bus/port.ts';
import type { FunctionsContext } from '../../src/functions/context.ts';
import { createFunctionsState } from '../../src/functions/decide.ts';
import { refresh } from '../../src/functions/follow-store.ts';
import { functionChangedCodec } from '../../src/functions/messages.ts';
import type { FunctionStore, KeptFunction } from '../../src/functions/port.ts';
import { look } from '../../src/functions/step.ts';
import { nodePowers } from '../../src/power/node.ts';

const user = toUserName('ada');
const [f, g] = [toFunctionName('f'), toFunctionName('g')];

const kept = (live: string, name: FunctionName = f): KeptFunction => ({
  description: { user, name, live, versions: [], revision: 1 },
  tag: `tag of ${live}`,
});

/** What a store has, whose reads wait for a gate, and what was told. */
function start() {
  const stored = new Map<FunctionName, KeptFunction>();
  const damaged = new Set<FunctionName>();
  const told: string[] = [];
  const reads: FunctionName[] = [];
  let gate = Promise.resolve();
  const store = {
    async list() {
      return [...stored].map(([name, { tag }]) => ({ user, name, tag }));
    },
    async read(_user: string, name: FunctionName) {
      reads.push(name);
      const found = stored.get(name);
      await gate;
      if (damaged.has(name)) throw new FaasmError('storage_corrupt', `${name} is damaged`);
      return found;
    },
  } as unknown as FunctionStore;
  const state = createFunctionsState({
    store: 'here',
    isShared: true,
    functionsPerUserMax: 99,
    versionsKept: 9,
  });
  const privateBus = createMemoryBus({ powers: nodePowers });
  privateBus.subscribe(privateSubjects.functionChanged(), (message) => {
    const { name, version } = readBody(message, functionChangedCodec);
    told.push(version === null ? `gone ${name}` : `changed ${name} ${version}`);
  });
  const report = (of: { function: string }) => void told.push(`damaged ${of.function}`);
  const context = {
    powers: nodePowers,
    state,
    store,
    privateBus,
    programs: { remove() {} },
    log: { error: report, debug() {} },
  } as unknown as FunctionsContext;
  /** Reads wait until what is returned is called. */
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return resolve;
  };
  return {
    context,
    stored,
    damaged,
    told,
    reads,
    hold,
    state,
    get: (name: FunctionName) => state.known.get(`${user}/${name}`),
    set: (own: KeptFunction) => void state.known.set(`${user}/${own.description.name}`, own),
  };
}

test('look() tells of what another host has changed, once', async (t) => {
  const { context, get, stored, told } = start();
  stored.set(f, kept('1'));
  t.is((await look(context, user, f))?.description.live, '1');
  t.is(get(f)?.description.live, '1');
  await look(context, user, f);
  t.deepEqual(told, ['changed f 1']);
});

test('look() tells of what another host has deleted, once', async (t) => {
  const { context, get, stored, told } = start();
  stored.set(f, kept('1'));
  await look(context, user, f);
  stored.clear();
  t.is(await look(context, user, f), undefined);
  t.is(get(f), undefined);
  await look(context, user, f);
  t.deepEqual(told, ['changed f 1', 'gone f']);
});

test('look() does not put back what this host has written over meanwhile', async (t) => {
  const { context, get, set, stored, told, hold } = start();
  stored.set(f, kept('old'));
  const release = hold();
  const looking = look(context, user, f);
  set(kept('own'));
  release();
  t.is((await looking)?.description.live, 'own');
  t.is(get(f)?.description.live, 'own');
  t.deepEqual(told, []);
});

test('look() does not take away what this host has made meanwhile', async (t) => {
  const { context, get, set, told, hold } = start();
  const release = hold();
  const looking = look(context, user, f);
  set(kept('own'));
  release();
  await looking;
  t.is(get(f)?.description.live, 'own');
  t.deepEqual(told, []);
});

test('refresh() finds what is new, changed and gone, and reads nothing else', async (t) => {
  const { context, state, stored, told, reads } = start();
  const h = toFunctionName('h');
  for (const name of [f, g, h]) stored.set(name, kept('1', name));
  await refresh(context);
  told.length = reads.length = 0;
  stored.set(f, kept('2'));
  stored.delete(g);
  stored.set(toFunctionName('i'), kept('1', toFunctionName('i')));
  await refresh(context);
  t.deepEqual(told.sort(), ['changed f 2', 'changed i 1', 'gone g']);
  t.deepEqual(reads.sort(), [f, toFunctionName('i')]);
  t.deepEqual([...state.known.values()].map(({ description: { name, live } }) => `${name} ${live}`).sort(), [
    'f 2',
    'h 1',
    'i 1',
  ]);
});

test('refresh() reads all of many functions, some at once', async (t) => {
  const { context, state, stored, hold, reads } = start();
  for (let at = 0; at < 50; at++) stored.set(toFunctionName(`f${at}`), kept('1', toFunctionName(`f${at}`)));
  const release = hold();
  const refreshed = refresh(context);
  await new Promise((resolve) => setImmediate(resolve));
  t.true(reads.length > 1 && reads.length < 50, `${reads.length}`);
  release();
  await refreshed;
  t.is(state.known.size, 50);
});

test('refresh() says once what cannot be read, and again when that has changed', async (t) => {
  const { context, state, stored, damaged, told } = start();
  stored.set(f, kept('1'));
  stored.set(g, kept('1', g));
  damaged.add(f);
  await refresh(context);
  await refresh(context);
  t.deepEqual(told.sort(), ['changed g 1', 'damaged ada/f']);
  t.deepEqual([...state.unreadable.keys()], ['ada/f']);
  told.length = 0;
  stored.set(f, kept('2'));
  await refresh(context);
  t.deepEqual(told, ['damaged ada/f']);
  damaged.clear();
  await refresh(context);
  t.deepEqual(told, ['damaged ada/f', 'changed f 2']);
  t.is(state.unreadable.size, 0);
});
