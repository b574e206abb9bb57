import test from 'ava';
import { Turns } from '../../src/functions/turns.ts';

/** Work that goes on until it is told to end. */
function work(turns: Turns, begun: string[], user: string, name: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = turns.take(user, () => {
    begun.push(name);
    return promise;
  });
  return { done, end: resolve };
}

test('Turns gives one user one turn at a time, and others the rest', async (t) => {
  const turns = new Turns(2);
  const begun: string[] = [];
  const eves = [1, 2, 3].map((each) => work(turns, begun, 'eve', `eve ${each}`));
  const bob = work(turns, begun, 'bob', 'bob');
  const ada = work(turns, begun, 'ada', 'ada');
  await Promise.resolve();
  t.deepEqual(begun, ['eve 1', 'bob']);
  bob.end();
  await bob.done;
  t.deepEqual(begun, ['eve 1', 'bob', 'ada']);
  eves[0]!.end();
  await eves[0]!.done;
  t.deepEqual(begun, ['eve 1', 'bob', 'ada', 'eve 2']);
  for (const each of [ada, ...eves]) each.end();
  await Promise.all(eves.map(({ done }) => done));
  t.is(begun.at(-1), 'eve 3');
});

test('Turns goes on after work that fails', async (t) => {
  const turns = new Turns(1);
  await t.throwsAsync(
    turns.take('eve', () => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  t.is(await turns.take('eve', async () => 7), 7);
});
