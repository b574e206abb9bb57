/** The first function of a user, in every language: written, and then run, built and deployed as it is told. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { discoverFunctions } from '../../src/build/discover-functions.ts';
import { faasm } from '../cli/_faasm.ts';
import { startTestHost } from './_host.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-init-'));
const at = await startTestHost();
const options = { folder, environment: { FAASM_URL: at.url } };
test.after.always(async () => {
  await at[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The commands of a text for people, as they are typed behind `npx faasm`. */
const commandsIn = (text: string): string[][] =>
  [...text.matchAll(/^ .*npx faasm (.*)/gm)].map(([, typed]) => typed!.split(' '));

for (const [template, source] of [
  ['as', 'hello.ts'],
  ['c', 'hello.c'],
  ['cpp', 'hello.cpp'],
  ['wat', 'hello.wat'],
] as const) {
  test(`faasm init --template ${template} writes what runs, builds and can be called`, async (t) => {
    const { stdout, status } = await faasm(['init', `in-${template}`, '--template', template], options);
    t.is(status, 0);
    const [run, build, deploy, invoke] = commandsIn(`${stdout}`);
    t.deepEqual(run, ['run', `in-${template}/${source}`]);
    for (const [stdin, output] of [
      ['Ada', 'Hello Ada'],
      ['', 'Hello World'],
    ] as const) {
      const here = await faasm(run!, { folder, stdin });
      t.deepEqual([here.status, `${here.stdout}`], [0, output], here.stderr);
    }
    t.is((await faasm(build!, options)).status, 0);
    t.true(WebAssembly.validate(new Uint8Array(await readFile(join(folder, `in-${template}/hello.wasm`)))));
    t.regex(`${(await faasm(deploy!, options)).stdout}`, new RegExp(`^me/in-${template} is live`));
    t.is(`${(await faasm(invoke!, options)).stdout}`, 'Hello Ada');
  });
}

test('faasm init writes AssemblyScript, and into this folder, where nothing else is said', async (t) => {
  const here = await mkdtemp(join(folder, 'it is.'));
  const { stdout, status } = await faasm(['init', '--json'], { folder: here });
  t.is(status, 0);
  t.deepEqual(JSON.parse(`${stdout}`), { written: 'hello.ts' });
  t.regex(await readFile(join(here, 'hello.ts'), 'utf8'), /from "faasm"/);
});

test('faasm init --demos writes them where faasm dev finds them, and overwrites nothing', async (t) => {
  const { stdout, status } = await faasm(['init', 'tour', '--demos'], options);
  t.is(status, 0);
  t.regex(`${stdout}`, /cd tour && npx faasm dev/);
  const { functions, refused } = await discoverFunctions(join(folder, 'tour/func'));
  t.deepEqual(refused, []);
  t.true(functions.some(({ user, name }) => `${user}/${name}` === 'demo/echo'));
  const again = await faasm(['init', 'tour', '--demos'], options);
  t.is(again.status, 1);
  t.regex(again.stderr, /Cannot write "tour\/func\/demo": it is there already/);
});

test('faasm init names a function hello where its folder cannot', async (t) => {
  const { stdout } = await faasm(['init', "a b's"], { folder });
  t.regex(`${stdout}`, /deploy me\/hello 'a b'\\''s\/hello\.ts'\n/);
});

const refused = test.macro(async (t, args: readonly string[], status: number, message: RegExp) => {
  await writeFile(join(folder, 'file'), 'as it was');
  await faasm(['init', 'taken'], { folder });
  await writeFile(join(folder, 'taken/hello.ts'), 'as it was');
  const run = await faasm(['init', ...args], { folder });
  t.is(run.status, status);
  t.regex(run.stderr, message);
  for (const path of ['file', 'taken/hello.ts'])
    t.is(await readFile(join(folder, path), 'utf8'), 'as it was');
});
test.serial(
  'faasm init overwrites nothing',
  refused,
  ['taken'],
  1,
  /^faasm: Cannot write "taken\/hello\.ts": it is there already; name another folder\n$/,
);
test.serial(
  'faasm init takes no file for a folder',
  refused,
  ['file'],
  1,
  /Cannot make the folder "file": it is a file/,
);
test.serial(
  'faasm init refuses a template that it does not have',
  refused,
  ['new', '--template', 'rust'],
  2,
  /^faasm: A template is one of as, c, cpp, wat, not "rust"\nUsage: faasm init \[<folder>\] /,
);

test('templates are no functions of a user', async (t) => {
  const { functions } = await discoverFunctions(join(import.meta.dirname, '../../func'));
  t.deepEqual([...new Set(functions.map(({ user }) => user as string))], ['demo']);
});
