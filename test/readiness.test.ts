import test from 'ava';
import { Readiness } from '../src/readiness.ts';

test('Readiness is ready once nothing that calls need is away', async (t) => {
  const readiness = new Readiness();
  await readiness.whenReady();
  readiness.set('redis', 'not connected');
  readiness.set('disk', 'full');
  readiness.degrade('functions', 'away');
  let ready = false;
  const waiting = readiness.whenReady().then(() => {
    ready = true;
  });
  t.is(readiness.why, 'redis: not connected; disk: full');
  t.is(readiness.degraded, 'functions: away');
  readiness.set('redis', undefined);
  await new Promise(setImmediate);
  t.false(ready);
  readiness.set('disk', undefined);
  await waiting;
  t.is(readiness.why, '');
});

test('Readiness lists every component that it was ever told of', (t) => {
  const readiness = new Readiness();
  readiness.set('redis', 'away');
  readiness.set('disk', undefined);
  t.deepEqual(
    [...readiness.components()],
    [
      ['redis', false],
      ['disk', true],
    ],
  );
});
