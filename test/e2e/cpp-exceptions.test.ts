/** C++ exceptions on a host: programs that check what they are, and what a caller learns of one that nobody caught. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buildCached } from '../../src/build/build-cached.ts';
import { stopToolchain } from '../../src/build/build-module.ts';
import type { BuildFlags, SourceFile } from '../../src/build/options.ts';
import { startTestHost } from './_host.ts';

/** Compilers on a busy machine: nothing here is to be fast. */
const buildTimeoutMs = 900_000;

const at = await startTestHost({ FAASM_CALL_TIMEOUT_MS: '300000' });
const cacheFolder = await mkdtemp(join(tmpdir(), 'faasm-exceptions-'));
test.after.always(async () => {
  await at[Symbol.asyncDispose]();
  await stopToolchain();
  await rm(cacheFolder, { recursive: true });
});

async function programOf(name: string): Promise<SourceFile[]> {
  return Promise.all(
    [`${name}.cpp`, 'check.h'].map(async (path) => ({
      path,
      text: await readFile(join(import.meta.dirname, 'programs', path), 'utf8'),
    })),
  );
}

const checksItself = test.macro(async (t, name: string, flags: Partial<BuildFlags> = {}) => {
  t.timeout(buildTimeoutMs);
  const { wasm } = await buildCached({ sources: await programOf(name), flags, cacheFolder });
  const put = await at.put(`ada/${name}`, wasm);
  t.is(put.status, 200, await put.text());
  // The second call runs in the same Faaslet.
  for (const _ of ['first', 'second']) {
    t.regex(await (await at.post(`ada/${name}`)).text(), /^\d\d held, 0 failed$/);
  }
});

const language = 'exceptions_of_the_language';
test.serial('exceptions are as the language says', checksItself, language);
test.serial('… when nothing is optimized', checksItself, language, { optimize: '0' });
test.serial('… when all is optimized at once', checksItself, language, { optimize: 's', extra: ['-flto'] });
test.serial('the standard library throws what it says', checksItself, 'exceptions_of_the_library', {
  optimize: '1',
  extra: ['-std=c++20'],
});

const ends = test.macro(async (t, input: string, code: string, stderr: RegExp) => {
  t.timeout(buildTimeoutMs);
  const { wasm } = await buildCached({ sources: await programOf('uncaught'), cacheFolder });
  t.is((await at.put('ada/uncaught', wasm)).status, 200);
  const answer = await at.post('ada/uncaught', input);
  t.is(answer.status, 500);
  const problem = (await answer.json()) as { code: string; stderr: string };
  t.is(problem.code, code);
  t.regex(problem.stderr, stderr);
  t.is(await (await at.post('ada/uncaught')).text(), 'nothing thrown');
});

test.serial(
  'an uncaught exception says its type and text',
  ends,
  'standard',
  'guest_threw',
  /std::runtime_error: boom\n/,
);
test.serial('… of a type of its own', ends, 'own', 'guest_threw', /shop::SoldOut: no more tea\n/);
test.serial('… that is a number', ends, 'number', 'guest_threw', /of type int\n/);
test.serial(
  '… out of the standard library',
  ends,
  'library',
  'guest_threw',
  /std::invalid_argument: stoi: no conversion\n/,
);
test.serial(
  '… out of a noexcept function',
  ends,
  'noexcept',
  'guest_trapped',
  /std::logic_error: out of a noexcept function\n/,
);
test.serial('… with a handler of its own', ends, 'handler', 'guest_trapped', /^my own handler$/);
