/** What every place for named bytes has to do. */
import type { ExecutionContext, TestFn } from 'ava';
import type { BlobStore } from '../../src/storage/blobs.ts';
import { createRandom } from '../random.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const show = (found: { readonly bytes: Uint8Array } | undefined): string | undefined =>
  found && Buffer.from(found.bytes).toString();

export interface BlobsUnderTest {
  /** Another way to the same place, as another host has it. */
  open(): Promise<BlobStore>;
}

/** @param start a place with nothing in it */
export function blobsContract(
  test: TestFn,
  name: string,
  start: (t: ExecutionContext) => Promise<BlobsUnderTest>,
  { conditions = true }: { readonly conditions?: boolean } = {},
): void {
  const check = (
    title: string,
    run: (t: ExecutionContext, one: BlobStore, two: BlobStore) => Promise<void>,
  ) =>
    test(`${name}: ${title}`, async (t) => {
      const under = await start(t);
      const [one, two] = [await under.open(), await under.open()];
      t.teardown(async () => {
        await one.close();
        await two.close();
      });
      await run(t, one, two);
    });

  check('what is not there is nothing', async (t, one) => {
    t.is(await one.get('modules/none.wasm'), undefined);
    t.deepEqual(await one.list('modules/'), []);
    await one.delete('modules/none.wasm');
  });

  check('what one host puts another one gets, and lists', async (t, one, two) => {
    const bytes = createRandom(1).bytes(300_000);
    const tag = await one.put('modules/a.wasm', bytes);
    const found = await two.get('modules/a.wasm');
    t.true(Buffer.from(found!.bytes).equals(bytes));
    t.is(found!.tag, tag);
    const [listed, ...more] = await two.list('modules/');
    t.deepEqual(more, []);
    t.like(listed, { name: 'modules/a.wasm', tag });
    t.true(Math.abs(listed!.modifiedMs - Date.now()) < 3_600_000);
    t.deepEqual(await two.list('users/'), []);
  });

  check('a replaced one has another tag, a deleted one is gone', async (t, one, two) => {
    const first = await one.put('users/ada/f.json', text('1'));
    const second = await two.put('users/ada/f.json', text('2'));
    t.not(first, second);
    t.is(show(await one.get('users/ada/f.json')), '2');
    await two.delete('users/ada/f.json');
    t.is(await one.get('users/ada/f.json'), undefined);
    t.deepEqual(await one.list(''), []);
    await one.put('users/ada/f.json', text('3'));
    t.is(show(await two.get('users/ada/f.json')), '3');
  });

  check('list() gives all below a prefix', async (t, one) => {
    const names = Array.from({ length: 23 }, (_, at) => `users/ada/f${at}.json`);
    for (const each of names) await one.put(each, text(each));
    await one.put('users/bob/f.json', text('x'));
    await one.put('modules/f.wasm', text('x'));
    t.deepEqual((await one.list('users/ada/')).map((info) => info.name).sort(), names.toSorted());
    t.is((await one.list('users/')).length, 24);
    t.is((await one.list('')).length, 25);
  });

  check('an empty one is there', async (t, one) => {
    await one.put('a', new Uint8Array(0));
    t.is((await one.get('a'))?.bytes.length, 0);
  });

  if (!conditions) return;

  check('put() under a condition', async (t, one, two) => {
    const refused = { code: 'precondition_failed' };
    const tag = await one.put('a', text('1'), null);
    await t.throwsAsync(two.put('a', text('2'), null), refused);
    const next = await two.put('a', text('2'), tag);
    await t.throwsAsync(one.put('a', text('3'), tag), refused);
    t.is(show(await one.get('a')), '2');
    await one.put('a', text('3'), next);
    await one.delete('a');
    await one.put('a', text('4'), null);
    t.is(show(await two.get('a')), '4');
  });

  check('of many hosts that change one at once, each loses nothing', async (t, one, two) => {
    const add = async (store: BlobStore, line: string): Promise<void> => {
      for (;;) {
        const found = await store.get('lines');
        try {
          await store.put('lines', text(`${show(found) ?? ''}${line};`), found?.tag ?? null);
          return;
        } catch (error) {
          if ((error as { code?: string }).code !== 'precondition_failed') throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 10 }, (_, at) => add(at % 2 === 0 ? one : two, String(at))));
    const lines = show(await one.get('lines'))!
      .split(';')
      .slice(0, -1);
    t.deepEqual(
      lines.toSorted(),
      Array.from({ length: 10 }, (_, at) => String(at)),
    );
  });
}
