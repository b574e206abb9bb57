import test from 'ava';
import { Gates } from '../../src/bus/gates.ts';

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

test('run() does one thing at a time for a name, in order, and different names at once', async (t) => {
  const gates = new Gates();
  const order: string[] = [];
  const work = (what: string) => async () => {
    order.push(`${what} begins`);
    await soon();
    order.push(`${what} ends`);
    return what;
  };
  const results = await Promise.all([
    gates.run('a', work('a1')),
    gates.run('a', work('a2')),
    gates.run('b', work('b1')),
  ]);
  t.deepEqual(results, ['a1', 'a2', 'b1']);
  const ofA = order.filter((event) => event.startsWith('a'));
  t.deepEqual(ofA, ['a1 begins', 'a1 ends', 'a2 begins', 'a2 ends']);
  t.true(order.indexOf('b1 begins') < order.indexOf('a1 ends'));
});

test('run() goes on after a failure', async (t) => {
  const gates = new Gates();
  const failed = gates.run('a', () => Promise.reject(new Error('no')));
  const next = gates.run('a', async () => 'yes');
  await t.throwsAsync(failed, { message: 'no' });
  t.is(await next, 'yes');
});

test('isIdle() and idle() know whether something is left to do', async (t) => {
  const gates = new Gates();
  t.true(gates.isIdle('a'));
  let done = 0;
  const work = async () => {
    await soon();
    done++;
  };
  void gates.run('a', work);
  void gates.run('a', work).then(() => gates.run('b', work));
  t.false(gates.isIdle('a'));
  t.true(gates.isIdle('b'));
  await gates.idle();
  t.is(done, 3);
  t.true(gates.isIdle('a'));
});
