/** Every demo, built by the toolchain and called as its first lines say. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buildCached } from '../../src/build/build-cached.ts';
import { stopToolchain } from '../../src/build/build-module.ts';
import { discoverFunctions } from '../../src/build/discover-functions.ts';
import { readSources } from '../../src/build/read-sources.ts';
import { startTestHost } from './_host.ts';

const root = join(import.meta.dirname, '../..');
const cacheFolder = await mkdtemp(join(tmpdir(), 'faasm-demos-'));
const at = await startTestHost();

test.before(async () => {
  const { functions: demos } = await discoverFunctions(join(root, 'func'));
  for (const { user, name, path } of demos) {
    const { sources } = await readSources([path]);
    const { wasm } = await buildCached({ sources, cacheFolder });
    const response = await at.put(`${user}/${name}`, wasm);
    if (!response.ok) throw new Error(`${name}: ${await response.text()}`);
  }
  await stopToolchain();
});

test.after.always(async () => {
  await at[Symbol.asyncDispose]();
  await rm(cacheFolder, { recursive: true, force: true });
});

const post = async (name: string, body = ''): Promise<string> => (await at.post(`demo/${name}`, body)).text();

const answers: readonly (readonly [name: string, input: string, output: string])[] = [
  ['hello', '', 'Hello faasm!'],
  ['echo', 'hello faasm', 'hello faasm'],
  ['echo', '', ''],
  ['dummy', '', ''],
  ['x2', '21', '42'],
  ['chain_await', '', '2 + 4 + 6 = 12'],
  ['fibonacci', '10', '55'],
  ['recurse', '0', '0'],
  ['recurse', '50', '50'],
  ['upper', 'shout', 'SHOUT'],
  ['count_words', 'To be\nor not  to be', 'to 2\nbe 2\nor 1\nnot 1\n'],
];

for (const [name, input, output] of answers) {
  test(`demo/${name} answers ${JSON.stringify(input)} with ${JSON.stringify(output)}`, async (t) => {
    t.is(await post(name, input), output);
  });
}

test.serial('demo/increment counts', async (t) => {
  t.deepEqual([await post('increment'), await post('increment')], ['Counter: 001', 'Counter: 002']);
});

test.serial('demo/increment counts right when called at the same time', async (t) => {
  await fetch(`${at.url}/s/demo/count`, { method: 'DELETE' });
  const outputs = await Promise.all(Array.from({ length: 40 }, () => post('increment')));
  const wanted = Array.from({ length: 40 }, (_, each) => `Counter: ${String(each + 1).padStart(3, '0')}`);
  t.deepEqual(outputs.sort(), wanted);
});

test.serial('demo/top_words adds up the words of its texts, counted in parts', async (t) => {
  t.is(await post('top_words', 'to be or not to be'), 'be 2\nto 2\nnot 1\nor 1\n');
  const long = 'be '.repeat(2500);
  t.is(await post('top_words', long), 'be 2502\nto 2\nnot 1\nor 1\n');
  const answer = await fetch(`${at.url}/s/demo/word_counts`);
  t.is(await answer.text(), 'be 2502\nto 2\nnot 1\nor 1\n');
});

test('demo/echo is binary-safe', async (t) => {
  const bytes = Uint8Array.from({ length: 65_536 }, (_, each) => each % 256);
  const response = await at.post('demo/echo', bytes);
  t.deepEqual(new Uint8Array(await response.arrayBuffer()), bytes);
});

test('demo/upload_state reads what HTTP put', async (t) => {
  await fetch(`${at.url}/s/demo/my_key`, { method: 'PUT', body: 'your data' });
  t.is(await post('upload_state'), 'your data');
});

test('demo/state and demo/state_offset read what they write', async (t) => {
  t.true((await at.post('demo/state')).ok);
  t.true((await at.post('demo/state_offset')).ok);
});

test('demo/chain makes its calls when it has ended', async (t) => {
  t.true((await at.post('demo/chain', 'increment')).ok);
});

test('demo/recurse goes 1,000 deep on two executors, and no deeper', async (t) => {
  await using small = await startTestHost({ FAASM_EXECUTORS_MAX: '2' });
  const path = join(root, 'func/demo/recurse.cpp');
  const { wasm } = await buildCached({
    sources: [{ path, text: await readFile(path, 'utf8') }],
    cacheFolder,
  });
  await small.put('demo/recurse', wasm);
  t.is(await (await small.post('demo/recurse', '1000')).text(), '1000');
});

const failures: readonly (readonly [input: string, code: string])[] = [
  ['return', 'guest_returned'],
  ['exit', 'guest_returned'],
  ['trap', 'guest_trapped'],
  ['memory', 'guest_out_of_memory'],
  ['stack', 'guest_stack_overflow'],
  ['loop', 'deadline_exceeded'],
];

for (const [input, code] of failures) {
  test.serial(`demo/errors fails with ${code} for ${input}`, async (t) => {
    const response = await at.post('demo/errors', input, {
      'x-faasm-timeout': input === 'loop' ? '500ms' : '30s',
    });
    t.is(((await response.json()) as { code: string }).code, code);
  });
}
