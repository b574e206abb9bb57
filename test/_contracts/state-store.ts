/** What every adapter of the global tier has to do. */
import type { ExecutionContext, TestFn } from 'ava';
import { toStateKey, toUserName } from '../../proto/names.ts';
import { nameOf } from '../../src/state/core/value-name.ts';
import { chunkBytes, type StateStore } from '../../src/state/stores/port.ts';
import { createRandom } from '../random.ts';

const user = toUserName('ann');
const other = toUserName('bob');
const key = toStateKey('some/key');
const bytes = (...values: number[]) => Uint8Array.from(values);
const text = (value: string) => new TextEncoder().encode(value);

/** @param open a store with nothing in it, closed by the suite */
export function stateStoreContract(test: TestFn, name: string, open: () => Promise<StateStore>): void {
  const check = (title: string, run: (t: ExecutionContext, store: StateStore) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => {
      const store = await open();
      try {
        await run(t, store);
      } finally {
        await store.close();
      }
    });

  check('a key without a value is nothing', async (t, store) => {
    t.is(await store.get(user, key), undefined);
    t.is(await store.describe(user, key), undefined);
    t.is(await store.delete(user, key), false);
    t.deepEqual(await store.list(user, undefined, 10), []);
    t.is(await store.usage(user), 0);
  });

  check('write() makes a value that get() and describe() give', async (t, store) => {
    const { version, sizeBytes } = await store.write(user, key, {
      pieces: [{ offset: 0, bytes: text('hello') }],
    });
    t.is(sizeBytes, 5);
    t.deepEqual(await store.get(user, key), { bytes: text('hello'), sizeBytes: 5, version });
    t.deepEqual(await store.describe(user, key), { sizeBytes: 5, version });
    t.is(await store.get(other, key), undefined);
  });

  check('write() copies the bytes before it returns', async (t, store) => {
    const live = text('before');
    const written = store.write(user, key, { pieces: [{ offset: 0, bytes: live }] });
    live.fill(0);
    await written;
    t.deepEqual((await store.get(user, key))?.bytes, text('before'));
  });

  check('write() takes an empty value', async (t, store) => {
    await store.write(user, key, { pieces: [], sizeBytes: 0 });
    const found = await store.get(user, key);
    t.is(found?.sizeBytes, 0);
    t.is(found?.bytes.length, 0);
  });

  check('get() gives a range, cut off at the end', async (t, store) => {
    await store.write(user, key, { pieces: [{ offset: 0, bytes: text('0123456789') }] });
    t.deepEqual((await store.get(user, key, 3, 4))?.bytes, text('3456'));
    t.deepEqual((await store.get(user, key, 8, 100))?.bytes, text('89'));
    t.deepEqual((await store.get(user, key, 20, 5))?.bytes, bytes());
    t.deepEqual((await store.get(user, key, 7))?.bytes, text('789'));
  });

  check('write() beyond the end fills the gap with zeros', async (t, store) => {
    await store.write(user, key, { pieces: [{ offset: 0, bytes: bytes(1) }] });
    await store.write(user, key, { pieces: [{ offset: chunkBytes * 2 + 3, bytes: bytes(2) }] });
    const found = await store.get(user, key);
    t.is(found?.sizeBytes, chunkBytes * 2 + 4);
    t.is(found?.bytes[0], 1);
    t.is(found?.bytes.at(-1), 2);
    t.true(found?.bytes.subarray(1, -1).every((byte) => byte === 0));
  });

  check('write() that cuts and extends again shows zeros', async (t, store) => {
    await store.write(user, key, { pieces: [{ offset: 0, bytes: new Uint8Array(chunkBytes * 2).fill(7) }] });
    await store.write(user, key, { pieces: [], sizeBytes: 10 });
    await store.write(user, key, { pieces: [], sizeBytes: chunkBytes * 2 });
    const found = await store.get(user, key);
    t.true(found?.bytes.subarray(0, 10).every((byte) => byte === 7));
    t.true(found?.bytes.subarray(10).every((byte) => byte === 0));
  });

  check('versions grow with every change, and across a delete', async (t, store) => {
    const first = await store.write(user, key, { pieces: [{ offset: 0, bytes: bytes(1) }] });
    const second = await store.append(user, key, bytes(2));
    t.true(second.version > first.version);
    t.true(await store.delete(user, key));
    const third = await store.write(user, key, { pieces: [{ offset: 0, bytes: bytes(1) }] });
    t.true(third.version > second.version);
  });

  check('conditions refuse what they do not meet, and change nothing', async (t, store) => {
    const change = { pieces: [{ offset: 0, bytes: bytes(9) }] };
    const refused = { code: 'precondition_failed' };
    await t.throwsAsync(store.write(user, key, change, { expectVersion: 'any' }), refused);
    await t.throwsAsync(store.append(user, key, bytes(1), { expectVersion: 1 }), refused);
    await t.throwsAsync(store.delete(user, key, { expectVersion: 'any' }), refused);
    t.is(await store.get(user, key), undefined);

    const first = await store.write(
      user,
      key,
      { pieces: [{ offset: 0, bytes: bytes(1) }] },
      { ifAbsent: true },
    );
    await t.throwsAsync(store.write(user, key, change, { ifAbsent: true }), refused);
    await t.throwsAsync(store.write(user, key, change, { expectVersion: first.version + 1 }), refused);
    await t.throwsAsync(store.delete(user, key, { expectVersion: first.version + 1 }), refused);
    t.deepEqual((await store.get(user, key))?.bytes, bytes(1));

    const second = await store.write(user, key, change, { expectVersion: first.version });
    await store.append(user, key, bytes(8), { expectVersion: second.version });
    t.deepEqual((await store.get(user, key))?.bytes, bytes(9, 8));
    t.true(await store.delete(user, key, { expectVersion: 'any' }));
  });

  check('one of many conditional writes wins', async (t, store) => {
    const writes = Array.from({ length: 10 }, (_, value) =>
      store.write(user, key, { pieces: [{ offset: 0, bytes: bytes(value) }] }, { ifAbsent: true }),
    );
    const outcomes = await Promise.allSettled(writes);
    t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  check('append() loses nothing when many come at once', async (t, store) => {
    await Promise.all(Array.from({ length: 100 }, (_, value) => store.append(user, key, bytes(value))));
    const found = await store.get(user, key);
    t.deepEqual(
      [...(found?.bytes ?? [])],
      Array.from({ length: 100 }, (_, value) => value),
    );
  });

  check('list() goes through the keys of one user in pages', async (t, store) => {
    const keys = ['a', 'b', 'c/d', 'z'].map((one) => toStateKey(one));
    for (const one of keys) await store.write(user, one, { pieces: [{ offset: 0, bytes: text(one) }] });
    await store.write(other, toStateKey('foreign'), { pieces: [{ offset: 0, bytes: bytes(1) }] });
    const first = await store.list(user, undefined, 3);
    const second = await store.list(user, first.at(-1)?.key, 3);
    t.deepEqual(
      [...first, ...second].map((found) => found.key),
      keys.toSorted(),
    );
    t.is(first.length, 3);
    t.is(first[0]?.sizeBytes, 1);
    t.is(await store.usage(user), keys.join('').length);
    t.is(await store.usage(other), 1);
  });

  check('an upload is seen by nobody before its commit, and then at once', async (t, store) => {
    await store.write(user, key, { pieces: [{ offset: 0, bytes: text('old and longer than the new') }] });
    await store.stage(user, 'up', { offset: 0, bytes: text('new ') });
    await store.stage(user, 'up', { offset: 4, bytes: text('value') });
    t.deepEqual((await store.get(user, key))?.bytes, text('old and longer than the new'));
    const { sizeBytes } = await store.commit(user, key, 'up', 9);
    t.is(sizeBytes, 9);
    t.deepEqual((await store.get(user, key))?.bytes, text('new value'));
    await t.throwsAsync(store.commit(user, key, 'up', 9), { code: 'not_found' });
  });

  check('commit() under a condition that fails keeps the old value and the upload', async (t, store) => {
    await store.write(user, key, { pieces: [{ offset: 0, bytes: text('old') }] });
    await store.stage(user, 'up', { offset: 0, bytes: text('new') });
    await t.throwsAsync(store.commit(user, key, 'up', 3, { ifAbsent: true }), {
      code: 'precondition_failed',
    });
    t.deepEqual((await store.get(user, key))?.bytes, text('old'));
    await store.commit(user, key, 'up', 3, { expectVersion: 'any' });
    t.deepEqual((await store.get(user, key))?.bytes, text('new'));
  });

  check('discard() forgets an upload', async (t, store) => {
    await store.stage(user, 'up', { offset: 0, bytes: text('new') });
    await store.discard(user, 'up');
    await store.discard(user, 'up');
    await t.throwsAsync(store.commit(user, key, 'up', 3), { code: 'not_found' });
    await store.stage(other, 'up', { offset: 0, bytes: text('bob') });
    await t.throwsAsync(store.commit(user, key, 'up', 3), { code: 'not_found' });
  });

  check('write() makes a value at least so large, and never cuts it for that', async (t, store) => {
    await store.write(user, key, { pieces: [{ offset: 0, bytes: text('ab') }], minSizeBytes: 4 });
    const { sizeBytes } = await store.write(user, key, {
      pieces: [{ offset: 1, bytes: text('c') }],
      minSizeBytes: 3,
    });
    t.is(sizeBytes, 4);
    t.deepEqual((await store.get(user, key))?.bytes, bytes(97, 99, 0, 0));
  });

  check('a change says what version it was made of', async (t, store) => {
    const first = await store.write(user, key, { pieces: [{ offset: 0, bytes: bytes(1) }] });
    t.is(first.previousVersion, undefined);
    const second = await store.append(user, key, bytes(2));
    t.is(second.previousVersion, first.version);
  });

  check(
    'changesSince() covers all that differs, also after more changes than anybody counts',
    async (t, store) => {
      t.is(await store.changesSince(user, key, 0), undefined);
      const random = createRandom(11);
      let { version } = await store.write(user, key, {
        pieces: [{ offset: 0, bytes: random.bytes(5 * chunkBytes) }],
      });
      t.deepEqual((await store.changesSince(user, key, version))?.ranges, []);
      for (let round = 0; round < 12; round++) {
        const before = (await store.get(user, key))!.bytes;
        for (let count = random.below(round === 7 ? 100 : 8); count >= 0; count--) {
          const piece = { offset: random.below(6 * chunkBytes), bytes: random.bytes(1 + random.below(1000)) };
          const sizeBytes = random.below(5) === 0 ? piece.offset + piece.bytes.length : undefined;
          if (random.below(9) === 0) await store.delete(user, key);
          await store.write(user, key, { pieces: [piece], ...(sizeBytes !== undefined && { sizeBytes }) });
        }
        const changes = (await store.changesSince(user, key, version))!;
        const now = (await store.get(user, key))!;
        t.is(changes.version, now.version);
        t.is(changes.sizeBytes, now.sizeBytes);
        const patched = new Uint8Array(now.sizeBytes);
        patched.set(before.subarray(0, now.sizeBytes));
        for (const { offset, length } of changes.ranges) {
          patched.set(now.bytes.subarray(offset, offset + length), Math.min(offset, now.sizeBytes));
        }
        t.true(Buffer.from(patched).equals(now.bytes), `round ${round}`);
        ({ version } = now);
      }
    },
  );

  check(
    'every change under a lock that is not held any more is refused, and changes nothing',
    async (t, store) => {
      // Where one host writes, the locks are its own, and so is the check.
      if (store.locks === undefined) {
        t.pass();
        return;
      }
      const name = nameOf(user, key);
      const change = { pieces: [{ offset: 0, bytes: text('late') }] };
      const { fence } = (await store.locks.take(name, 'a', 'write', 60_000))!;
      await store.write(user, key, change, { fence });
      await store.append(user, key, text('r'), { fence });
      await store.stage(user, 'up', { offset: 0, bytes: text('kept') });
      await store.commit(user, key, 'up', 4, { fence });
      await store.stage(user, 'up', { offset: 0, bytes: text('lost') });

      const refuseAll = async (old: number): Promise<void> => {
        const lost = { code: 'lock_lost', message: /lock on state ann\/some\/key was lost/ };
        await t.throwsAsync(store.write(user, key, change, { fence: old }), lost);
        await t.throwsAsync(store.write(user, key, { pieces: [], sizeBytes: 0 }, { fence: old }), lost);
        await t.throwsAsync(store.write(user, key, { pieces: [], minSizeBytes: 9 }, { fence: old }), lost);
        await t.throwsAsync(store.append(user, key, text('late'), { fence: old }), lost);
        await t.throwsAsync(store.commit(user, key, 'up', 4, { fence: old }), lost);
        await t.throwsAsync(store.delete(user, key, { fence: old }), lost);
        t.deepEqual((await store.get(user, key))?.bytes, text('kept'));
      };
      await store.locks.release(name, 'a');
      await refuseAll(fence);
      const next = (await store.locks.take(name, 'b', 'write', 60_000))!;
      await refuseAll(fence);
      await store.locks.take(nameOf(user, toStateKey('other')), 'a', 'write', 60_000);
      await refuseAll(fence);
      await store.write(user, key, { pieces: [{ offset: 0, bytes: text('next') }] }, { fence: next.fence });
      t.true(await store.delete(user, key, { fence: next.fence }));
    },
  );

  check(
    'a change under a lock whose lease has ended is refused, though nobody else took it',
    async (t, store) => {
      if (store.locks === undefined) {
        t.pass();
        return;
      }
      const { fence } = (await store.locks.take(nameOf(user, key), 'a', 'write', 1))!;
      const write = () => store.write(user, key, { pieces: [{ offset: 0, bytes: bytes(1) }] }, { fence });
      for (;;) {
        const error = await write().then(
          () => undefined,
          (thrown) => thrown,
        );
        if (error === undefined) continue;
        t.is(error.code, 'lock_lost');
        break;
      }
    },
  );

  check('random changes give what the same changes give in memory (seed 7)', async (t, store) => {
    const random = createRandom(7);
    let model = new Uint8Array(0);
    for (let step = 0; step < 120; step++) {
      const piece = random.bytes(random.below(3 * chunkBytes));
      const offset = random.below(4 * chunkBytes);
      const end = offset + piece.length;
      const kind = random.below(4);
      const size = kind === 0 ? end + random.below(2 * chunkBytes) : kind === 1 ? end : undefined;
      if (kind === 3) {
        const small = piece.subarray(0, 100);
        await store.append(user, key, small);
        model = resized(model, model.length + small.length, small, model.length);
      } else {
        await store.write(user, key, {
          pieces: [{ offset, bytes: piece }],
          ...(size !== undefined && { sizeBytes: size }),
        });
        model = resized(model, size ?? Math.max(model.length, end), piece, offset);
      }
      const at = random.below(model.length);
      const length = random.below(model.length);
      const found = await store.get(user, key, at, length);
      t.is(found?.sizeBytes, model.length);
      if (!Buffer.from(found!.bytes).equals(model.subarray(at, at + length)))
        t.fail(`differs at step ${step}`);
    }
  });
}

function resized(old: Uint8Array, size: number, piece: Uint8Array, offset: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(size);
  next.set(old.subarray(0, size));
  next.set(piece, offset);
  return next;
}
