import test from 'ava';
import { FaasmError } from '../../../proto/errors.ts';
import { type StateKey, toStateKey, toUserName } from '../../../proto/names.ts';
import { createQuota } from '../../../src/state/core/quota.ts';
import { nameOf } from '../../../src/state/core/value-name.ts';
import type { StateStore } from '../../../src/state/stores/port.ts';
import { saveAll } from '../../../src/state/tier/save-all.ts';
import {
  addMapping,
  allocateShared,
  removeMapping,
  type SegmentData,
  setSize,
  viewSegment,
  writeBytes,
} from '../../../src/state/tier/segment.ts';
import { Values } from '../../../src/state/tier/values.ts';
import { endOf, startOf, type WritePlace } from '../../../src/state/tier/write-place.ts';
import { createRandom } from '../../random.ts';
import { createSimPowers } from '../../sim/powers.ts';
import { SimValues } from '../../sim/state-store.ts';
import { World } from '../../sim/world.ts';

const ann = toUserName('ann');
const page = 4096;
/** Of an executor. */
const owner = 2;

interface StartOptions {
  readonly exclusive?: boolean;
  readonly residentMaxBytes?: number;
  readonly shared?: SimValues;
}

function start({ exclusive = true, residentMaxBytes = 1_000_000, shared }: StartOptions = {}) {
  const world = new World(1);
  const powers = createSimPowers(world, world.own, { drift: 0, offsetMs: 0 }, world.random);
  const simulated = shared ?? new SimValues(() => world.nowMs);
  const failing = { why: undefined as string | undefined };
  const connected = simulated.connect('one', () => {});
  const store: StateStore = {
    ...connected,
    exclusive,
    async write(...change) {
      if (failing.why !== undefined) throw new FaasmError('storage_unavailable', failing.why);
      return await connected.write(...change);
    },
  };
  const quota = createQuota({ valueMaxBytes: 100_000, userMaxBytes: 400_000 });
  const memory = new Set<SegmentData>();
  const dirty = new Set<string>();
  const values = new Values({
    powers,
    store,
    quota,
    residentMaxBytes,
    fenceOf: () => undefined,
    isHeld: () => true,
    allocate(byteLength) {
      const data = allocateShared(byteLength);
      memory.add(data);
      return data;
    },
    release: (data) => void memory.delete(data),
    onDirty: (name) => void dirty.add(name),
  });
  const allocatedBytes = () => [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const open = async (key: StateKey, totalBytes: number) => {
    const request = { mode: 'extend', totalBytes, roomBytes: totalBytes, fresh: false } as const;
    const segment = await values.open(ann, key, request);
    if (segment === undefined || segment === 'direct') throw new Error('no segment');
    return viewSegment(segment);
  };
  const read = async (key: StateKey) => (await values.read(ann, key, 0, 1_000_000))?.bytes;
  const stored = (key: StateKey) => simulated.read(ann, key);
  return { world, powers, values, quota, dirty, failing, allocatedBytes, open, read, stored };
}

/** All that does not wait for time has happened. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === undefined || other === undefined ? one === other : Buffer.compare(one, other) === 0;
}

const places: readonly [WritePlace, before: number, length: number, start: number, end: number][] = [
  ['whole', 10, 3, 0, 3],
  ['end', 10, 3, 10, 13],
  [{ offset: 4 }, 10, 3, 4, 7],
  [{ offset: 12, totalBytes: 5 }, 10, 3, 12, 15],
  [{ offset: 0, totalBytes: 20 }, 10, 3, 0, 20],
];
for (const [place, before, length, from, to] of places) {
  test(`a write ${JSON.stringify(place)} of ${length} bytes to ${before} goes from ${from}, to ${to}`, (t) => {
    t.is(startOf(place, before), from);
    t.is(endOf(place, before, length), to);
  });
}

for (const [seed, exclusive] of [
  [1, true],
  [2, true],
  [3, false],
  [4, false],
] as const) {
  const where = exclusive ? 'of one host' : 'that hosts share';
  test(`values ${where} are the same in memory, in the store and as they are read (seed ${seed})`, async (t) => {
    const random = createRandom(seed);
    const residentMaxBytes = 60_000;
    const host = start({ exclusive, residentMaxBytes });
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => toStateKey(name));
    const model = new Map<StateKey, Uint8Array>();
    const change = (key: StateKey, place: WritePlace, bytes: Uint8Array) => {
      const before = model.get(key) ?? new Uint8Array(0);
      const end = endOf(place, before.length, bytes.length);
      const after = new Uint8Array(place === 'whole' ? end : Math.max(before.length, end));
      after.set(before.subarray(0, after.length));
      if (place === 'whole') after.fill(0);
      after.set(bytes, startOf(place, before.length));
      model.set(key, after);
    };
    for (let step = 0; step < 600; step++) {
      const key = random.pick(keys);
      const bytes = random.bytes(random.below(300));
      const offset = random.below(2 * page);
      const place = random.pick<WritePlace>(['whole', 'end', { offset }, { offset, totalBytes: 2 * page }]);
      const kind = random.below(6);
      if (kind < 2) {
        await host.values.write(ann, key, place, bytes);
        change(key, place, bytes);
      } else if (kind < 4) {
        const view = await host.open(key, offset + bytes.length);
        writeBytes(view, offset, bytes);
        change(key, { offset }, bytes);
      } else if (kind === 4 && model.delete(key)) await host.values.delete(ann, key, {});
      t.true(isSame(await host.read(key), model.get(key)));
      t.is((await host.values.describe(ann, key))?.sizeBytes, model.get(key)?.length);
      t.true(host.allocatedBytes() <= residentMaxBytes);
      const sizes = [...model.values()].reduce((sum, { length }) => sum + length, 0);
      t.true(host.quota.users.get(ann)! >= sizes);
    }
    await saveAll(host.powers, host.values, 0);
    for (const key of keys) t.true(isSame(host.stored(key), model.get(key)));
    for (const name of host.values.residents.names()) await host.values.residents.get(name)!.evict();
    t.is(host.allocatedBytes(), 0);
    const sizes = [...model.values()].reduce((sum, { length }) => sum + length, 0);
    t.is(host.quota.users.get(ann), sizes);
  });
}

test('memory that a guest has mapped is kept until it is not, and nothing is taken from under it', async (t) => {
  const residentMaxBytes = 3 * (page + 2048);
  const { values, open, allocatedBytes } = start({ residentMaxBytes });
  const [mapped, other] = [toStateKey('mapped'), toStateKey('other')];
  const view = await open(mapped, 10);
  addMapping(view, owner);
  await t.throwsAsync(values.open(ann, mapped, openOf(page + 1)), { code: 'conflict' });
  await open(other, 10);
  await t.throwsAsync(open(toStateKey('third'), 3 * page), { code: 'no_capacity' });
  t.deepEqual(values.residents.names(), [nameOf(ann, mapped)]);
  await values.delete(ann, mapped, {});
  t.true(values.residents.hasMapped);
  t.is(allocatedBytes(), page);
  removeMapping(view, owner);
  values.residents.releaseUnmapped();
  t.false(values.residents.hasMapped);
  t.is(allocatedBytes(), 0);
});

const openOf = (roomBytes: number) => ({ mode: 'extend', totalBytes: 0, roomBytes, fresh: false }) as const;

test('a value that grows gets twice the room, and just enough where the quota ends', async (t) => {
  const { values, open, quota } = start();
  const key = toStateKey('k');
  await open(key, page);
  await values.write(ann, key, 'end', new Uint8Array(1));
  t.is(quota.users.get(ann), 2 * page);
  quota.users.set(ann, 400_000 - page);
  await values.write(ann, key, { offset: 2 * page }, new Uint8Array(1));
  t.is(quota.users.get(ann), 400_000);
  await t.throwsAsync(values.write(ann, key, { offset: 3 * page }, new Uint8Array(1)), { code: 'too_large' });
  t.is(quota.users.get(ann), 400_000);
});

test('saveAll() tries again until its end, and names what it could not save', async (t) => {
  const { world, powers, values, open, failing, stored } = start();
  const key = toStateKey('k');
  setSize(await open(key, 0), 7);
  failing.why = 'the disk is away';
  const late = t.throwsAsync(saveAll(powers, values, powers.clock.steadyMs() + 1000), {
    code: 'storage_unavailable',
    message: /NOT SAVED: state ann\/k, values of 7 bytes together: the disk is away/,
  });
  await turn();
  await world.run(2000);
  await late;
  const inTime = saveAll(powers, values, powers.clock.steadyMs() + 1000);
  await turn();
  await world.run(600);
  failing.why = undefined;
  await world.run(600);
  await inTime;
  t.is(stored(key)?.length, 7);
});

test('a write that could not be pushed is told of, so that it is pushed later', async (t) => {
  const { values, open, failing, dirty, read } = start();
  const key = toStateKey('k');
  await open(key, 0);
  await values.push(ann, key);
  dirty.clear();
  failing.why = 'away';
  await t.throwsAsync(values.write(ann, key, 'whole', new Uint8Array(3)), { code: 'storage_unavailable' });
  t.deepEqual([...dirty], [nameOf(ann, key)]);
  failing.why = undefined;
  t.is((await read(key))?.length, 3);
});
