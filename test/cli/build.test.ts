import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { faasm, startFakeHost } from './_faasm.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-cli-'));
test.after.always(() => rm(folder, { recursive: true, force: true }));

test.serial('faasm build writes a module from a source, a header beside it and a define', async (t) => {
  await writeFile(join(folder, 'answer.h'), '#define ANSWER 42\n');
  await writeFile(join(folder, 'fn.c'), '#include "answer.h"\nint main(void) { return ANSWER - GIVEN; }\n');
  const run = await faasm(['build', 'fn.c', '-o', 'out/fn.wasm', '-O', 's', '-D', 'GIVEN=42'], { folder });
  t.is(run.status, 0, run.stderr);
  t.is(run.stdout.toString(), '');
  const { size } = await stat(join(folder, 'out/fn.wasm'));
  t.regex(run.stderr, /compiling fn\.c\n/);
  t.true(run.stderr.endsWith(`out/fn.wasm: ${size} bytes\n`));
  t.true(WebAssembly.validate(await readFile(join(folder, 'out/fn.wasm'))));
});

test.serial('faasm build takes what was built before from the cache of whoever runs it', async (t) => {
  await writeFile(join(folder, 'again.c'), 'int main(void) { return 0; }\n');
  const environment = { XDG_CACHE_HOME: join(folder, 'cache home') };
  const first = await faasm(['build', 'again.c'], { folder, environment });
  t.regex(first.stderr, /compiling again\.c\n/);
  const cache = join(folder, 'cache home', 'faasm');
  const [kept] = (await readdir(cache)).filter((name) => name.endsWith('.wasm'));
  await writeFile(join(cache, kept!), 'as it was kept');
  const second = await faasm(['build', 'again.c'], { folder, environment });
  t.is(second.status, 0, second.stderr);
  t.notRegex(second.stderr, /compiling/);
  t.is(await readFile(join(folder, 'again.wasm'), 'utf8'), 'as it was kept');
});

test.serial('faasm build keeps what it builds where FAASM_BUILD_CACHE says', async (t) => {
  await writeFile(join(folder, 'kept.c'), 'int main(void) { return 0; }\n');
  const environment = { FAASM_BUILD_CACHE: join(folder, 'cache') };
  t.is((await faasm(['build', 'kept.c'], { folder, environment })).status, 0);
  t.is((await readdir(join(folder, 'cache'))).filter((name) => name.endsWith('.wasm')).length, 1);
});

test.serial('faasm build tells what the compiler says of an error', async (t) => {
  await writeFile(join(folder, 'bad.c'), 'int main(void) { return nothing; }\n');
  const run = await faasm(['build', 'bad.c'], { folder });
  t.is(run.status, 1);
  t.regex(run.stderr, /bad\.c:1:25: error: use of undeclared identifier 'nothing'/);
  await t.throwsAsync(stat(join(folder, 'bad.wasm')), { code: 'ENOENT' });
});

test.serial('faasm build passes on what comes after --', async (t) => {
  await writeFile(join(folder, 'warn.c'), 'int main(void) { int unused; return 0; }\n');
  const run = await faasm(['build', 'warn.c', '--json', '--', '-Wall'], { folder });
  t.is(run.status, 0, run.stderr);
  const { output, sizeBytes, warnings } = JSON.parse(run.stdout.toString());
  t.is(output, 'warn.wasm');
  t.is(sizeBytes, (await stat(join(folder, 'warn.wasm'))).size);
  t.regex(warnings, /unused variable/);
  t.regex(run.stderr, /unused variable/);
});

test.serial('faasm deploy compiles a source and uploads the module', async (t) => {
  await writeFile(join(folder, 'fn.c'), 'int main(void) { return 0; }\n');
  await using host = await startFakeHost({ status: 200, body: JSON.stringify({ live: 'c'.repeat(64) }) });
  const run = await faasm(['deploy', 'demo/fn', 'fn.c', '--url', host.url], { folder });
  t.is(run.status, 0, run.stderr);
  t.is(run.stdout.toString(), 'demo/fn is live, version cccccccccccc\n');
  t.is(host.seen[0]!.path, '/f/demo/fn');
  t.true(WebAssembly.validate(new Uint8Array(host.seen[0]!.body)));
});
