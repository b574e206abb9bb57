/** A state database that was changed on the disk: what was damaged is named, and never given as if it were right. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { FaasmError } from '../../../proto/errors.ts';
import { type StateKey, toStateKey, toUserName } from '../../../proto/names.ts';
import { chunkBytes } from '../../../src/state/stores/port.ts';
import { createSqliteStateStore } from '../../../src/state/stores/sqlite-store.ts';
import { createRandom } from '../../random.ts';
import { flipBytes, flipText } from '../../storage/damage.ts';

const ann = toUserName('ann');
const text = (value: string) => new TextEncoder().encode(value);
const whole = (bytes: Uint8Array) => ({ pieces: [{ offset: 0, bytes }], sizeBytes: bytes.length });
const corrupt = { code: 'storage_corrupt' } as object;

async function open(t: ExecutionContext, folder = mkdtempSync(join(tmpdir(), 'faasm-damage-'))) {
  const store = await createSqliteStateStore({ dataFolder: folder });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await store.close();
    isOpen = false;
  };
  t.teardown(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { store, folder, file: join(folder, 'state.db'), close };
}

for (const seed of [41, 42, 43, 44, 45, 46]) {
  test(`a store with flipped bytes gives what was written or storage_corrupt (seed ${seed})`, async (t) => {
    const random = createRandom(seed);
    const before = await open(t);
    const values = new Map<StateKey, Uint8Array>();
    for (let at = 0; at < 60; at++) {
      const bytes = random.bytes(random.pick([1, 100, 3000, 70_000, 200_000]));
      const key = toStateKey(`key-${at}`);
      values.set(key, bytes);
      await before.store.write(ann, key, whole(bytes));
    }
    await before.close();
    flipBytes(before.file, 40, random, 100);
    let refused = 0;
    try {
      const { store } = await open(t, before.folder);
      for (const [key, bytes] of values) {
        try {
          t.deepEqual(Buffer.from((await store.get(ann, key))!.bytes), Buffer.from(bytes), key);
        } catch (error) {
          t.is(FaasmError.from(error).code, 'storage_corrupt', FaasmError.from(error).message);
          refused++;
        }
      }
    } catch (error) {
      t.is(FaasmError.from(error).code, 'storage_corrupt', FaasmError.from(error).message);
      return;
    }
    t.true(refused > 0, 'some of it was damaged');
  });
}

test('a damaged chunk is named, and writing the value anew or deleting it goes on', async (t) => {
  const before = await open(t);
  const [one, two] = [toStateKey('one'), toStateKey('two')];
  const large = new Uint8Array(3 * chunkBytes).fill(7);
  large.set(text('needle'), 2 * chunkBytes + 10);
  await before.store.write(ann, one, whole(large));
  await before.store.write(ann, two, whole(text('needle of two')));
  await before.close();
  flipText(before.file, 'needle');
  const { store } = await open(t, before.folder);
  t.is(
    (await store.get(ann, one, 0, 2 * chunkBytes))?.bytes.length,
    2 * chunkBytes,
    'other chunks are there',
  );
  const error = await t.throwsAsync(store.get(ann, one), { instanceOf: FaasmError, ...corrupt });
  t.regex(error!.message, /ann\/one.*131072.*write the whole value anew, delete it, or restore/);
  await t.throwsAsync(
    store.write(ann, one, { pieces: [{ offset: 2 * chunkBytes, bytes: text('x') }] }),
    corrupt,
    'a part of a damaged chunk is not changed',
  );
  await store.write(ann, one, whole(large));
  t.deepEqual((await store.get(ann, one))?.bytes, large);
  t.true(await store.delete(ann, two));
  t.is(await store.get(ann, two), undefined);
});

test('a lost chunk is no zeros', async (t) => {
  const before = await open(t);
  const key = toStateKey('sparse');
  await before.store.write(ann, key, { pieces: [{ offset: 5 * chunkBytes, bytes: text('end') }] });
  t.deepEqual((await before.store.get(ann, key, 0, 10))?.bytes, new Uint8Array(10));
  await before.close();
  const db = new DatabaseSync(before.file);
  db.exec('DELETE FROM chunk WHERE position = 2');
  db.close();
  const { store } = await open(t, before.folder);
  t.is((await store.get(ann, key, 0, chunkBytes))?.bytes.length, chunkBytes);
  await t.throwsAsync(store.get(ann, key), corrupt);
});

test('a damaged record is named in lists and when what it was is missed', async (t) => {
  const before = await open(t);
  const key = toStateKey('precious');
  await before.store.write(ann, key, whole(text('x')));
  await before.close();
  const db = new DatabaseSync(before.file);
  db.exec("UPDATE value SET key = 'preciouz'");
  db.close();
  const { store } = await open(t, before.folder);
  const error = await t.throwsAsync(store.get(ann, key), { instanceOf: FaasmError, ...corrupt });
  t.regex(error!.message, /no state ann\/precious.*ann\/preciouz/);
  await t.throwsAsync(store.list(ann, undefined, 10), corrupt);
  t.is(await store.get(toUserName('bob'), key), undefined, 'others do not hear of it');
  t.true(await store.delete(ann, toStateKey('preciouz')));
  t.is(await store.get(ann, key), undefined);
});

test('a store of the release before has checksums once it was opened', async (t) => {
  const before = await open(t);
  const key = toStateKey('old');
  const bytes = new Uint8Array(chunkBytes + 5).fill(3);
  await before.store.write(ann, key, whole(bytes));
  await before.store.write(ann, toStateKey('hole'), { pieces: [], sizeBytes: 3 * chunkBytes });
  await before.close();
  const db = new DatabaseSync(before.file);
  db.exec(`DELETE FROM chunk WHERE bytes = x''; ALTER TABLE chunk DROP COLUMN sum;
    ALTER TABLE value DROP COLUMN sum; DROP TABLE store; PRAGMA user_version = 1`);
  db.close();
  rmSync(`${before.file}.id`);
  const { store, close } = await open(t, before.folder);
  t.deepEqual((await store.get(ann, key))?.bytes, bytes);
  t.deepEqual((await store.get(ann, toStateKey('hole')))?.bytes, new Uint8Array(3 * chunkBytes));
  await close();
  flipText(before.file, '\x03\x03\x03\x03\x03');
  const { store: after } = await open(t, before.folder);
  await t.throwsAsync(after.get(ann, key), corrupt);
});
