/** Warm Faaslets are kept for the next call, and only so many, of so much memory. */
import test from 'ava';
import { startTestHost, type TestHost } from './_host.ts';

/** Leaves `pages` pages of 4 KiB written, as a Faaslet keeps few written pages across resets. */
const writer = (pages: number) => `(module
  (import "env" "__faasm_write_output" (func $write_output (param i32 i32)))
  (memory (export "memory") 16)
  (func (export "exec") (result i32)
    (local $at i32)
    (loop $next
      (i32.store (i32.mul (local.get $at) (i32.const 4096)) (i32.const 7))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const ${pages}))))
    (call $write_output (i32.const 0) (i32.const 1))
    (i32.const 0)))`;

async function gauge(at: TestHost, name: string): Promise<number> {
  const text = await (await fetch(`${at.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)![1]);
}

async function until(condition: () => Promise<boolean>): Promise<boolean> {
  const deadlineMs = Date.now() + 15_000;
  while (Date.now() < deadlineMs) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

async function callAll(at: TestHost, names: readonly string[], pages: number): Promise<boolean> {
  for (const name of names) await at.put(name, writer(pages));
  for (let round = 0; round < 3; round++) {
    for (const name of names) if ((await at.post(name)).status !== 200) return false;
  }
  return true;
}

const names = Array.from({ length: 24 }, (_, index) => `ann/f${index}`);

test('a warm Faaslet of each function is kept', async (t) => {
  await using at = await startTestHost({ FAASM_EXECUTORS_MAX: '1' });
  t.true(await callAll(at, names, 2));
  t.true(await until(async () => (await gauge(at, 'faasm_faaslets')) === names.length));
});

test('no more Faaslets are kept than there may be, and all functions go on', async (t) => {
  await using at = await startTestHost({ FAASM_FAASLETS_MAX: '8' });
  t.true(await callAll(at, names, 2));
  t.true(await until(async () => (await gauge(at, 'faasm_faaslets')) <= 8));
  t.true(await callAll(at, names, 2));
});

test('Faaslets go when together they hold more memory than they may', async (t) => {
  await using at = await startTestHost({ FAASM_FAASLETS_MAX_MIB: '1', FAASM_EXECUTORS_MAX: '1' });
  t.true(await callAll(at, names, 12));
  t.true(
    await until(async () => {
      const bytes = await gauge(at, 'faasm_faaslet_bytes');
      return bytes > 0 && bytes <= 1024 * 1024;
    }),
  );
  t.true((await gauge(at, 'faasm_faaslets')) < names.length);
});

test('Faaslets of a version that is not live any more are not kept', async (t) => {
  await using at = await startTestHost({ FAASM_EXECUTORS_MAX: '1' });
  for (let version = 1; version < 6; version++) {
    await at.put('ann/f', writer(version));
    t.is((await at.post('ann/f')).status, 200);
  }
  t.true(await until(async () => (await gauge(at, 'faasm_faaslets')) === 1));
});
