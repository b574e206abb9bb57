/** Programs that were written for POSIX, on a host. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import type { SourceFile } from '../../src/build/options.ts';
import { startTestHost } from './_host.ts';

const at = await startTestHost();
test.after.always(async () => {
  await at[Symbol.asyncDispose]();
  await stopToolchain();
});

const programs = join(import.meta.dirname, 'programs');
const sourceOf = async (path: string): Promise<SourceFile> => ({
  path,
  text: await readFile(join(programs, path), 'utf8'),
});

const answers = test.macro(async (t, name: string, extra: string[], output: RegExp) => {
  t.timeout(600_000);
  const sources = await Promise.all([name, 'check.h'].map(sourceOf));
  const { wasm, warnings } = await buildModule({ sources, flags: { optimize: '1', extra } });
  t.is(warnings, '');
  const put = await at.put('ada/program', wasm);
  t.is(put.status, 200, await put.text());
  for (const _ of ['first', 'second']) t.regex(await (await at.post('ada/program')).text(), output);
});

test.serial(
  'stock C builds, and what there is not says so as it runs',
  answers,
  'posix.c',
  ['-D_GNU_SOURCE'],
  /^\d\d held, 0 failed\n$/,
);
test.serial(
  'C++ prints and reads long double',
  answers,
  'long_double.cpp',
  [],
  /^0\.41666666666666666666\d 1\.250000 0\.5\n$/,
);
