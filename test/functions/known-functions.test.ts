import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import { type FunctionName, toFunctionName, toUserName } from '../../proto/names.ts';
import { KnownFunctions } from '../../src/functions/known-functions.ts';
import type { FunctionStore, KeptFunction } from '../../src/functions/port.ts';

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
  const says = (what: string) => (description: FunctionDescription) =>
    void told.push(`${what} ${description.name} ${description.live}`);
  const known = new KnownFunctions({
    store,
    onChange: says('changed'),
    onGone: says('gone'),
    onDamaged: (_, name) => void told.push(`damaged ${name}`),
  });
  /** Reads wait until what is returned is called. */
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return resolve;
  };
  return { known, stored, damaged, told, reads, hold };
}

test('look() tells of what another host has changed, once', async (t) => {
  const { known, stored, told } = start();
  stored.set(f, kept('1'));
  t.is((await known.look(user, f))?.description.live, '1');
  t.is(known.get(user, f)?.description.live, '1');
  await known.look(user, f);
  t.deepEqual(told, ['changed f 1']);
});

test('look() tells of what another host has deleted, once', async (t) => {
  const { known, stored, told } = start();
  stored.set(f, kept('1'));
  await known.look(user, f);
  stored.clear();
  t.is(await known.look(user, f), undefined);
  t.is(known.get(user, f), undefined);
  await known.look(user, f);
  t.deepEqual(told, ['changed f 1', 'gone f 1']);
});

test('look() does not put back what this host has written over meanwhile', async (t) => {
  const { known, stored, told, hold } = start();
  stored.set(f, kept('old'));
  const release = hold();
  const looking = known.look(user, f);
  known.set(kept('own'));
  release();
  t.is((await looking)?.description.live, 'own');
  t.is(known.get(user, f)?.description.live, 'own');
  t.deepEqual(told, []);
});

test('look() does not take away what this host has made meanwhile', async (t) => {
  const { known, told, hold } = start();
  const release = hold();
  const looking = known.look(user, f);
  known.set(kept('own'));
  release();
  await looking;
  t.is(known.get(user, f)?.description.live, 'own');
  t.deepEqual(told, []);
});

test('refresh() finds what is new, changed and gone, and reads nothing else', async (t) => {
  const { known, stored, told, reads } = start();
  const h = toFunctionName('h');
  for (const name of [f, g, h]) stored.set(name, kept('1', name));
  await known.refresh();
  told.length = reads.length = 0;
  stored.set(f, kept('2'));
  stored.delete(g);
  stored.set(toFunctionName('i'), kept('1', toFunctionName('i')));
  await known.refresh();
  t.deepEqual(told.sort(), ['changed f 2', 'changed i 1', 'gone g 1']);
  t.deepEqual(reads.sort(), [f, toFunctionName('i')]);
  t.deepEqual(
    known
      .all()
      .map(({ name, live }) => `${name} ${live}`)
      .sort(),
    ['f 2', 'h 1', 'i 1'],
  );
});

test('refresh() reads all of many functions, some at once', async (t) => {
  const { known, stored, hold, reads } = start();
  for (let at = 0; at < 50; at++) stored.set(toFunctionName(`f${at}`), kept('1', toFunctionName(`f${at}`)));
  const release = hold();
  const refreshed = known.refresh();
  await new Promise((resolve) => setImmediate(resolve));
  t.true(reads.length > 1 && reads.length < 50, `${reads.length}`);
  release();
  await refreshed;
  t.is(known.all().length, 50);
});

test('refresh() says once what cannot be read, and again when that has changed', async (t) => {
  const { known, stored, damaged, told } = start();
  stored.set(f, kept('1'));
  stored.set(g, kept('1', g));
  damaged.add(f);
  await known.refresh();
  await known.refresh();
  t.deepEqual(told.sort(), ['changed g 1', 'damaged f']);
  t.true(known.isDamaged(user, f));
  t.false(known.isDamaged(user, g));
  t.true(known.hasDamaged);
  told.length = 0;
  stored.set(f, kept('2'));
  await known.refresh();
  t.deepEqual(told, ['damaged f']);
  damaged.clear();
  await known.refresh();
  t.deepEqual(told, ['damaged f', 'changed f 2']);
  t.false(known.hasDamaged);
});

test('a function that could not be read is not damaged once it is gone, written or deleted', async (t) => {
  const { known, stored, damaged } = start();
  const spoil = async () => {
    stored.set(f, kept('1'));
    damaged.add(f);
    await known.refresh();
    t.true(known.hasDamaged);
    damaged.clear();
  };
  await spoil();
  stored.clear();
  await known.refresh();
  t.false(known.hasDamaged);
  await spoil();
  stored.clear();
  await known.look(user, f);
  t.false(known.hasDamaged);
  await spoil();
  known.set(kept('2'));
  t.false(known.hasDamaged);
  known.delete(user, f);
  await spoil();
  known.delete(user, f);
  t.false(known.hasDamaged);
  t.is(known.get(user, f), undefined);
});
