import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { lockStoreContract } from '../_contracts/lock-store.ts';
import { stateStoreContract } from '../_contracts/state-store.ts';
import { root } from '../mutants/rooms.ts';
import { planted } from './planted.ts';
import { simulate } from './simulate.ts';
import { SimValues } from './state-store.ts';

const openValues = () =>
  new SimValues(Date.now).connect('a', (watcher, name) => void setTimeout(() => watcher.changed(name)));
stateStoreContract(test, 'simulated', async () => openValues());
lockStoreContract(test, 'simulated', async () => openValues().locks!);

const { serial } = test;
const holds = test.macro({
  title: (_, seed: number) => `a cluster keeps what it promises under seed ${seed}`,
  async exec(t, seed: number) {
    const { violations, hash } = await simulate({ seed });
    t.deepEqual(violations, [], `npm run sim -- --seed ${seed} (trace ${hash})`);
  },
});

for (const seed of [1, 2, 3, 4, 5, 6, 7, 9, 10, 18, 20]) serial(holds, seed);
serial(holds, Math.floor(Math.random() * 2 ** 31));

serial('a seed gives the same trace each time, and another one another', async (t) => {
  const traceOf = async (seed: number) => (await simulate({ seed, seconds: 5 })).hash;
  const first = await traceOf(11);
  t.is(await traceOf(11), first);
  t.not(await traceOf(12), first);
});

test('every fault that is planted for the simulator has its place, once', (t) => {
  for (const { file, text, fault } of planted) {
    const places = readFileSync(join(root, file), 'utf8').split(text).length - 1;
    t.is(places, 1, `${fault}: ${file} has to have this text once: ${text}`);
  }
});
