/** What a version held of the process is given back when it is live no more and its calls have ended. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { startTestHost } from './_host.ts';

const openFiles = (): number => readdirSync('/proc/self/fd').length;
const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').split('\n').length;
const collectGarbage = async (): Promise<void> => {
  setFlagsFromString('--expose-gc');
  for (let round = 0; round < 3; round++) {
    (runInNewContext('gc') as () => void)();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

const version = (
  each: number,
): string => `(module (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "_initialize") (i32.store (i32.const 5000) (i32.const ${each})))
  (func (export "exec") (result i32) (call $output (i32.const 5000) (i32.const 4)) (i32.const 0)))`;

for (const called of [false, true]) {
  onLinux(
    `200 versions of a function, each ${called ? 'called' : 'only uploaded'}, leave no files open`,
    async (t) => {
      await using at = await startTestHost();
      const live = async (each: number) => {
        await at.put('ada/f', version(each));
        if (!called) return;
        const seen = Buffer.from(await (await at.post('ada/f')).arrayBuffer());
        t.is(seen.readInt32LE(), each);
      };
      for (let each = 0; each < 20; each++) await live(each);
      await collectGarbage();
      const [filesBefore, mappingsBefore] = [openFiles(), mappings()];
      for (let each = 20; each < 200; each++) await live(each);
      await collectGarbage();
      // How many mappings there are depends on when the executors collect their garbage, so they are only told.
      t.log(`files ${filesBefore} -> ${openFiles()}, mappings ${mappingsBefore} -> ${mappings()}`);
      t.true(openFiles() <= filesBefore + 20, `${filesBefore} files, then ${openFiles()}`);
      t.true(readdirSync(join(at.data, 'functions/protos/ada/f')).length <= 10);
    },
  );
}

/** Tells that it began by a state value of that name, sleeps, and puts out its number. */
const sleeper = (number: number): string => `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (import "env" "__faasm_write_state" (func $write (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_initialize") (i32.store (i32.const 5000) (i32.const ${number})))
  (func (export "exec") (result i32)
    (drop (call $input (i32.const 3000) (i32.const 64)))
    (call $write (i32.const 3000) (i32.const 5000) (i32.const 4))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 500000000))
    (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))
    (call $output (i32.const 5000) (i32.const 4))
    (i32.const 0)))`;

test.serial('calls that a new version finds under way end as the version that they began as', async (t) => {
  await using at = await startTestHost();
  const call = async (begun: string) => {
    const response = await at.post('ada/f', begun);
    return Buffer.from(await response.arrayBuffer()).readInt32LE();
  };
  const hasBegun = async (begun: string) => {
    while ((await fetch(`${at.url}/s/ada/${begun}`)).status !== 200) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const ends: Promise<number>[] = [];
  for (let each = 0; each < 5; each++) {
    await at.put('ada/f', sleeper(each));
    for (const begun of [`${each}a`, `${each}b`, `${each}c`]) {
      ends.push(call(begun));
      await hasBegun(begun);
    }
  }
  t.deepEqual(await Promise.all(ends), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
});
