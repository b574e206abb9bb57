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
    `1,000 versions of a function, each ${called ? 'called' : 'only uploaded'}, leave no files open`,
    async (t) => {
      t.timeout(110_000);
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
      for (let each = 20; each < 1000; each++) await live(each);
      await collectGarbage();
      // How many mappings there are depends on when the executors collect their garbage, so they are only told.
      t.log(`files ${filesBefore} -> ${openFiles()}, mappings ${mappingsBefore} -> ${mappings()}`);
      t.true(openFiles() <= filesBefore + 20, `${filesBefore} files, then ${openFiles()}`);
      t.true(readdirSync(join(at.data, 'functions/protos/ada/f')).length <= 10);
    },
  );
}
