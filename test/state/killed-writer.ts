/**
 * Writes values through the state actor, as guests and as messages do, and prints `key count` when one was
 * acknowledged, until it is killed. Every value is its count, and then bytes made of it.
 */
import { writeSync } from 'node:fs';
import { startState } from '../../actors/state.ts';
import { type HostId, toStateKey, toUserName } from '../../proto/names.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { loadConfig } from '../../src/config/config.ts';
import { nodePowers } from '../../src/power/node.ts';
import { createSqliteStateStore } from '../../src/state/stores/sqlite-store.ts';
import { createLocalTier } from '../../src/state/tier/local-tier.ts';
import { askOver, noLog } from './host.ts';

const user = toUserName('ann');
const bus = createMemoryBus({ powers: nodePowers });
const privateBus = createMemoryBus({ powers: nodePowers });
const subjects = createPublicSubjects();
const store = await createSqliteStateStore({ dataFolder: process.argv[2]! });
await startState({
  powers: nodePowers,
  host: 'test' as HostId,
  bus,
  privateBus,
  subjects,
  store,
  config: loadConfig().state,
  log: noLog,
});

const nextCount = async (name: string): Promise<number> => {
  const found = await store.get(user, toStateKey(name), 0, 8);
  return found === undefined ? 1 : new DataView(found.bytes.buffer).getFloat64(0) + 1;
};

const toValue = (count: number): Uint8Array => {
  const value = new Uint8Array(100_000).fill(count % 256);
  new DataView(value.buffer).setFloat64(0, count);
  return value;
};

async function write(name: string, put: (value: Uint8Array) => unknown): Promise<void> {
  for (let count = await nextCount(name); ; count++) {
    await put(toValue(count));
    writeSync(1, `${name} ${count}\n`);
  }
}

for (const name of ['guest1', 'guest2', 'guest3']) {
  const guest = createLocalTier({ timers: nodePowers.timers, owner: name, ask: askOver(privateBus) }).begin(
    user,
  );
  void write(name, (value) => guest.write(toStateKey(name), value, true));
}
for (const name of ['message1', 'message2']) {
  void write(name, async (value) =>
    expectAnswer(await bus.request(subjects.state('set', user, toStateKey(name)), value)),
  );
}
