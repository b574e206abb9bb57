import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { buildCached } from '../../src/build/build-cached.ts';
import { stopToolchain } from '../../src/build/build-module.ts';
import type { BuildOptions, BuildStage } from '../../src/build/options.ts';

test.after.always(() => stopToolchain());

async function cacheFolderFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-cache-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'builds');
}

const program: BuildOptions = {
  sources: [{ path: 'a.c', text: '#warning kept\nint main(void) { return 0; }' }],
};

test.serial('buildCached() does not start the toolchain for what it has', async (t) => {
  const cacheFolder = await cacheFolderFor(t);
  const first = await buildCached({ ...program, cacheFolder });
  t.false(first.cached);
  t.regex(first.warnings, /kept/);
  const stages: BuildStage[] = [];
  const second = await buildCached({ ...program, cacheFolder, onProgress: (stage) => stages.push(stage) });
  t.deepEqual(second, { ...first, cached: true });
  t.deepEqual(stages, []);
});

test.serial('buildCached() builds once what is asked for twice at the same time', async (t) => {
  const cacheFolder = await cacheFolderFor(t);
  const stages: BuildStage[] = [];
  const options = { ...program, cacheFolder, onProgress: (stage: BuildStage) => stages.push(stage) };
  const [one, two] = await Promise.all([buildCached(options), buildCached(options)]);
  t.deepEqual(one.wasm, two.wasm);
  t.is(stages.filter((stage) => stage === 'linking').length, 1);
});

const differs = test.macro(async (t, change: Partial<BuildOptions>) => {
  const cacheFolder = await cacheFolderFor(t);
  await buildCached({ ...program, cacheFolder });
  t.false((await buildCached({ ...program, ...change, cacheFolder })).cached);
  t.is((await readdir(cacheFolder)).filter((name) => name.endsWith('.wasm')).length, 2);
});

test.serial('buildCached() builds again for another text', differs, {
  sources: [{ path: 'a.c', text: '#warning kept\nint main(void) { return 1; }' }],
});
test.serial('buildCached() builds again for another path', differs, {
  sources: [{ path: 'b.c', text: '#warning kept\nint main(void) { return 0; }' }],
});
test.serial('buildCached() builds again for another define', differs, { flags: { defines: ['X=1'] } });
test.serial('buildCached() builds again for another optimization', differs, { flags: { optimize: 's' } });

test.serial('buildCached() does not keep a failure', async (t) => {
  const cacheFolder = await cacheFolderFor(t);
  const broken = { sources: [{ path: 'a.c', text: 'int main(void) { return x; }' }], cacheFolder };
  await t.throwsAsync(buildCached(broken), { message: /undeclared identifier 'x'/ });
  await t.throwsAsync(buildCached(broken), { message: /undeclared identifier 'x'/ });
});

const objectsOf = async (cacheFolder: string): Promise<string[]> =>
  (await readdir(join(cacheFolder, 'objects'))).filter((name) => name.endsWith('.o')).sort();

/** Whether a build after the change compiles so many of the three sources. */
const compiles = test.macro(async (t, change: Record<string, string>, count: number) => {
  const cacheFolder = await cacheFolderFor(t);
  const files = {
    'a.c': '#include "a.h"\nint main(void) { return f() + g() - SUM; }',
    'b.c': 'int f(void) { return 1; }',
    'c.c': 'int g(void) { return 2; }',
    'a.h': '#define SUM 3\nint f(void); int g(void);',
  };
  const build = (all: Record<string, string>) =>
    buildCached({ cacheFolder, sources: Object.entries(all).map(([path, text]) => ({ path, text })) });
  await build(files);
  const before = await objectsOf(cacheFolder);
  await build({ ...files, ...change });
  t.is((await objectsOf(cacheFolder)).length - before.length, count);
});

test.serial(
  'buildCached() compiles a source again that is another',
  compiles,
  { 'b.c': 'int f(void) { return 3; }' },
  1,
);
test.serial(
  'buildCached() compiles all again for another header',
  compiles,
  { 'a.h': '#define SUM 4\nint f(void); int g(void);' },
  3,
);
test.serial('buildCached() compiles a source that is new', compiles, { 'd.c': 'int h;' }, 1);
