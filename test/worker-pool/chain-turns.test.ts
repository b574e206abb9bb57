import test from 'ava';
import type { CallId, UserName } from '../../proto/names.ts';
import { ChainTurns, type Waiting } from '../../src/worker-pool/chain-turns.ts';
import { createRandom } from '../random.ts';

interface Named extends Waiting {
  readonly name: string;
}

const child = (name: string, user = 'ada', root = 'r', parent = root): Named => ({
  name,
  user: user as UserName,
  root: root as CallId,
  parent: parent as CallId,
});
const anybody = (): boolean => true;

/** All that can be taken, in order. */
function takeAll(turns: ChainTurns<Named>, may: (user: UserName) => boolean = anybody): string[] {
  const names: string[] = [];
  for (let call = turns.take(may); call !== undefined; call = turns.take(may)) names.push(call.name);
  return names;
}

test('ChainTurns gives the calls of one parent in their order', (t) => {
  const turns = new ChainTurns<Named>();
  turns.add([child('a'), child('b'), child('c')]);
  t.deepEqual(takeAll(turns), ['a', 'b', 'c']);
});

test('ChainTurns gives the children of a call before its siblings', (t) => {
  const turns = new ChainTurns<Named>();
  turns.add([child('a'), child('b')]);
  t.is(turns.take(anybody)?.name, 'a');
  turns.add([child('a.a'), child('a.b')]);
  t.deepEqual(takeAll(turns), ['a.a', 'a.b', 'b']);
});

test('ChainTurns gives users their turns, and the trees of a user', (t) => {
  const turns = new ChainTurns<Named>();
  turns.add([child('e1', 'eve', 'x'), child('e2', 'eve', 'x'), child('e3', 'eve', 'x')]);
  turns.add([child('y', 'eve', 'y')]);
  turns.add([child('b1', 'bob'), child('b2', 'bob')]);
  t.deepEqual(takeAll(turns), ['e1', 'b1', 'y', 'b2', 'e2', 'e3']);
});

test('ChainTurns passes over users who may not', (t) => {
  const turns = new ChainTurns<Named>();
  turns.add([child('e', 'eve')]);
  turns.add([child('b', 'bob')]);
  t.deepEqual(
    takeAll(turns, (user) => user !== 'eve'),
    ['b'],
  );
  t.is(turns.size, 1);
});

test('ChainTurns drops a tree, or the children of one parent', (t) => {
  const turns = new ChainTurns<Named>();
  turns.add([child('a', 'ada', 'r', 'p'), child('b', 'ada', 'r', 'p')]);
  turns.add([child('c', 'ada', 'r', 'q')]);
  turns.add([child('d', 'ada', 's')]);
  const names = (calls: readonly Named[]) => calls.map(({ name }) => name).sort();
  t.deepEqual(names(turns.drop('ada' as UserName, 'r' as CallId, 'p' as CallId)), ['a', 'b']);
  t.deepEqual(names(turns.drop('ada' as UserName, 'r' as CallId)), ['c']);
  t.deepEqual(takeAll(turns), ['d']);
});

test('ChainTurns holds no more of a tree than a path through it and what is beside the path', (t) => {
  const turns = new ChainTurns<Named>();
  const [width, depth] = [3, 40];
  const grow = (level: number) =>
    turns.add(Array.from({ length: width }, () => child(String(level), 'eve', 'tree')));
  grow(1);
  let widest = 0;
  for (let made = 0; made < 10_000; made++) {
    const level = Number(turns.take(anybody)!.name);
    if (level < depth) grow(level + 1);
    widest = Math.max(widest, turns.size);
  }
  t.true(widest <= width * depth, `${widest} waited`);
});

test('ChainTurns loses nothing in random histories', (t) => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = createRandom(seed);
    const turns = new ChainTurns<Named>();
    const inside = new Set<string>();
    let last = 0;
    for (let at = 0; at < 300; at++) {
      const user = random.pick(['ada', 'bob', 'eve']);
      const root = `${user}-${random.below(3)}`;
      const kind = random.below(5);
      if (kind < 2) {
        const parent = `${root}-${random.below(2)}`;
        const calls = Array.from({ length: 1 + random.below(4) }, () =>
          child(String(++last), user, root, parent),
        );
        for (const { name } of calls) inside.add(name);
        turns.add(calls);
      } else if (kind < 4) {
        const taken = turns.take((each) => each !== 'bob' || at % 2 === 0);
        if (taken !== undefined && !inside.delete(taken.name)) t.fail(`seed ${seed}: taken twice`);
      } else {
        const parent = random.below(2) === 0 ? undefined : (`${root}-0` as CallId);
        for (const { name } of turns.drop(user as UserName, root as CallId, parent)) inside.delete(name);
      }
      if (turns.size !== inside.size) t.fail(`seed ${seed}: ${turns.size} counted, ${inside.size} there`);
    }
    for (const name of takeAll(turns)) inside.delete(name);
    if (inside.size > 0) t.fail(`seed ${seed}: ${inside.size} lost`);
  }
  t.pass();
});
