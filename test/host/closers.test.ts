import test from 'ava';
import { Closers } from '../../src/host/closers.ts';
import { tellOfStore } from '../../src/host/tell-of-store.ts';
import { Readiness } from '../../src/readiness.ts';
import { createRandom } from '../random.ts';
import { noLog } from '../state/host.ts';

function start() {
  let nowMs = 1000;
  const clock = { wallMs: () => nowMs, steadyMs: () => nowMs, monotonicMs: () => nowMs };
  const closers = new Closers(clock, { delayMs: 10, timeoutMs: 100 });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { closers, pass };
}

test('close() ends everything once, the last first, within one drain', async (t) => {
  const { closers, pass } = start();
  const done: string[] = [];
  closers.defer((leftMs) => done.push(`first ${leftMs}`));
  const actor = closers.use({
    async stop(leftMs: number) {
      await Promise.resolve();
      done.push(`actor ${leftMs}`);
      pass(80);
    },
  });
  t.is(typeof actor.stop, 'function');
  closers.defer(() => pass(20.5));
  await closers.close();
  await closers.close();
  t.deepEqual(done, ['actor 90', 'first 10']);
});

test('close() leaves nothing waiting for less than no time', async (t) => {
  const { closers, pass } = start();
  const left: number[] = [];
  closers.defer((leftMs) => left.push(leftMs));
  closers.defer(() => pass(1000));
  await closers.close();
  t.deepEqual(left, [0]);
});

test('close() ends all, also where some of it fails, and throws what failed first', async (t) => {
  const { closers } = start();
  const done: string[] = [];
  const failing = (name: string) => () => {
    done.push(name);
    throw new Error(name);
  };
  closers.defer(() => done.push('a'));
  closers.defer(failing('b'));
  closers.defer(async () => failing('c')());
  await t.throwsAsync(closers.close(), { message: 'c' });
  t.deepEqual(done, ['c', 'b', 'a']);
});

test('unlessAllStarts() ends what was started, and throws why the rest could not be', async (t) => {
  const { closers } = start();
  const done: string[] = [];
  const starting = closers.unlessAllStarts(async () => {
    closers.defer(() => {
      done.push('a');
      throw new Error('not this');
    });
    throw new Error('the port is in use');
  });
  await t.throwsAsync(starting, { message: 'the port is in use' });
  t.deepEqual(done, ['a']);
  t.is(await closers.unlessAllStarts(async () => 7), 7);
});

for (const seed of [1, 2]) {
  test(`whatever is added and fails, each is ended once, the last first (seed ${seed})`, async (t) => {
    const random = createRandom(seed);
    for (let round = 0; round < 50; round++) {
      const { closers, pass } = start();
      const ended: number[] = [];
      const count = random.below(12);
      for (let at = 0; at < count; at++) {
        closers.defer((leftMs) => {
          ended.push(at);
          t.true(leftMs >= 0 && leftMs <= 110);
          pass(random.below(40));
          if (random.below(4) === 0) throw new Error(`${at}`);
        });
      }
      await closers.close().catch(() => {});
      t.deepEqual(
        ended,
        Array.from({ length: count }, (_, at) => count - 1 - at),
      );
    }
  });
}

test('a store that was read once degrades its host when it is away, and one that was not makes it unready', (t) => {
  const readiness = new Readiness();
  const told = tellOfStore('functions', readiness, noLog);
  told('no disk');
  t.is(readiness.why, 'functions: no disk');
  told(undefined);
  t.is(readiness.why, '');
  told('no disk');
  t.deepEqual([readiness.why, readiness.degraded], ['', 'functions: no disk']);
  told(undefined);
  t.is(readiness.degraded, '');
});
