/** Arguments, environment and working directory: kept with a version of a function, added to by a call. */
import test from 'ava';
import { connect, headers as natsHeaders } from 'nats';
import type { FunctionDescription } from '../../proto/messages.ts';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { startTestHost, type TestHost, wasm } from './_host.ts';

test.after.always(() => stopToolchain());

/** Puts out its arguments, then its environment, each ended by a NUL; `before` runs at upload. */
const teller = (before = ''): string => `(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func $tell
    (drop (call $args_sizes (i32.const 0) (i32.const 20)))
    (drop (call $args (i32.const 1000) (i32.const 65536)))
    (drop (call $env_sizes (i32.const 0) (i32.const 28)))
    (drop (call $env (i32.const 1000) (i32.const 131072)))
    (i32.store (i32.const 16) (i32.const 65536))
    (i32.store (i32.const 24) (i32.const 131072)))
  ${before}
  (func (export "_start")
    ${before === '' ? '(call $tell)' : ''}
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 0)))))`;

const told = async (response: Promise<Response> | Response): Promise<string[]> =>
  (await (await response).text()).split('\0').slice(0, -1);

const headers = (...pairs: [string, string][]): Headers => {
  const made = new Headers();
  for (const [name, value] of pairs) made.append(name, value);
  return made;
};

const describe = async (at: TestHost, name: string): Promise<FunctionDescription> =>
  (await (await fetch(`${at.url}/f/${name}`)).json()) as FunctionDescription;

test.serial('a function has the settings that it was uploaded with, also after a restart', async (t) => {
  await using at = await startTestHost();
  const settings = { 'X-Faasm-Settings': JSON.stringify({ args: ['a\nb'], env: { K: 'v', E: '' } }) };
  t.is((await at.put('ada/f', teller(), settings)).status, 200);
  t.deepEqual(await told(at.post('ada/f')), ['f', 'a\nb', 'K=v', 'E=']);
  t.like((await describe(at, 'ada/f')).versions[0], {
    settings: { args: ['a\nb'], env: { K: 'v', E: '' }, cwd: '/' },
  });
  await at.restart();
  t.deepEqual(await told(at.post('ada/f')), ['f', 'a\nb', 'K=v', 'E=']);
});

test.serial('a program is told the name that was set', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', teller(), { 'X-Faasm-Settings': JSON.stringify({ argv0: '/bin/ld', args: ['-v'] }) });
  t.deepEqual(await told(at.post('ada/f', '', { 'X-Faasm-Arg': 'x' })), ['/bin/ld', '-v', 'x']);
  t.like((await describe(at, 'ada/f')).versions[0], { settings: { argv0: '/bin/ld' } });
  const refused = await at.post('ada/f', '', { 'X-Faasm-Settings': '{"argv0":"x"}' });
  t.is(refused.status, 400, 'a call cannot change it');
});

test.serial('the same module with other settings is another version', async (t) => {
  await using at = await startTestHost();
  const { headers: plain } = await at.put('ada/f', teller());
  const first = await describe(at, 'ada/f');
  t.is(first.live, first.versions[0]!.module);
  t.deepEqual(await told(at.post('ada/f')), ['f']);

  const { headers: set } = await at.put('ada/f', teller(), { 'X-Faasm-Env': 'K=v', 'X-Faasm-Cwd': '/data' });
  t.not(plain.get('etag'), set.get('etag'));
  t.deepEqual(await told(at.post('ada/f')), ['f', 'PWD=/data', 'K=v']);
  const { live, versions } = await describe(at, 'ada/f');
  t.deepEqual(
    versions.map(({ version, module }) => [version, module]),
    [
      [live, first.live],
      [first.live, first.live],
    ],
  );
  const module = await fetch(`${at.url}/f/ada/f`, { headers: { Accept: 'application/wasm' } });
  t.is(module.headers.get('etag'), `"${live}"`);

  await at.put('ada/f', teller());
  t.deepEqual(await told(at.post('ada/f')), ['f']);
});

test.serial('initialisation sees the settings, and each version keeps what it left', async (t) => {
  await using at = await startTestHost();
  const guest = teller('(func (export "_faasm_zygote") (call $tell))');
  await at.put('ada/f', guest, { 'X-Faasm-Arg': 'one' });
  t.deepEqual(await told(at.post('ada/f', '', { 'X-Faasm-Arg': 'ignored' })), ['f', 'one']);
  await at.put('ada/f', guest, { 'X-Faasm-Arg': 'two' });
  t.deepEqual(await told(at.post('ada/f')), ['f', 'two']);
  await at.put('ada/f', guest, { 'X-Faasm-Arg': 'one' });
  t.deepEqual(await told(at.post('ada/f')), ['f', 'one']);
});

test.serial('a call adds arguments, and the variables that its function does not set', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', teller(), headers(['X-Faasm-Arg', 'own'], ['X-Faasm-Env', 'K=own']));
  // Headers of fetch are joined where they have the same name, so the list is given as JSON.
  const given = { 'X-Faasm-Settings': JSON.stringify({ args: ['x', ''], env: { K: 'call', C: 'é' } }) };
  t.deepEqual(await told(at.post('ada/f', '', given)), ['f', 'own', 'x', '', 'K=own', 'C=é']);
  t.deepEqual(await told(at.post('ada/f')), ['f', 'own', 'K=own']);
  t.deepEqual(await told(at.post('ada/f', '', { 'X-Faasm-Arg': 'last' })), ['f', 'own', 'last', 'K=own']);
});

test.serial('a NATS client uploads settings and gives arguments by headers', async (t) => {
  await using at = await startTestHost();
  const client = await connect({ port: at.host.natsPort! });
  const withArgs = (...args: string[]) => {
    const made = natsHeaders();
    for (const each of args) made.append('Faasm-Arg', each);
    return { headers: made, timeout: 10_000 };
  };
  await client.request('faasm.functions.upload.ada.f', wasm(teller()), withArgs('own', 'é'));
  const answer = await client.request('faasm.invoke.ada.f', '', withArgs('x', 'y z'));
  t.is(answer.string(), ['f', 'own', 'é', 'x', 'y z', ''].join('\0'));
  const bad = natsHeaders();
  bad.set('Faasm-Env', 'novalue');
  const refused = await client.request('faasm.invoke.ada.f', '', { headers: bad, timeout: 10_000 });
  t.is(refused.headers?.get('Faasm-Error'), 'bad_request');
  await client.close();
});

test.serial('an asynchronous call keeps its arguments', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', teller());
  const given = { 'X-Faasm-Arg': 'kept', 'X-Faasm-Env': 'A=1', Prefer: 'respond-async' };
  const id = await (await at.post('ada/f', '', given)).text();
  for (;;) {
    const output = await fetch(`${at.url}/calls/${id}/output`);
    if (output.status === 409) continue;
    t.deepEqual(await told(output), ['f', 'kept', 'A=1']);
    return;
  }
});

test.serial('settings that are none are refused, at upload and in a call', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', teller());
  for (const bad of [
    { 'X-Faasm-Env': 'novalue' },
    { 'X-Faasm-Settings': '{' },
    { 'X-Faasm-Settings': '{"x":1}' },
  ]) {
    for (const response of [await at.put('ada/g', teller(), bad), await at.post('ada/f', '', bad)]) {
      t.is(response.status, 400);
      t.is(((await response.json()) as { code: string }).code, 'bad_request');
    }
  }
  t.is((await at.put('ada/g', teller(), { 'X-Faasm-Cwd': '../x' })).status, 400);
  t.is((await fetch(`${at.url}/f/ada/g`)).status, 404);
});

test.serial('relative paths of a C program begin in its working directory', async (t) => {
  await using at = await startTestHost();
  const text = `#include <stdio.h>
    #include <stdlib.h>
    #include <sys/stat.h>
    int main() {
      struct stat found;
      FILE* file = fopen("x.txt", "w");
      if (!file || fputs("hello", file) < 0 || fclose(file)) return 1;
      if (stat("/data/in/x.txt", &found) || found.st_size != 5) return 2;
      file = fopen("/tmp/y.txt", "w");
      if (!file || fclose(file) || stat("/tmp/y.txt", &found)) return 3;
      printf("%s", getenv("PWD"));
      return 0;
    }`;
  const { wasm } = await buildModule({ sources: [{ path: 'cwd.c', text }] });
  await at.put('ada/f', wasm, { 'X-Faasm-Cwd': '/data/in' });
  const response = await at.post('ada/f');
  t.is(await response.text(), '/data/in');
});

test.serial('a C program is told its working directory, and goes elsewhere from there', async (t) => {
  await using at = await startTestHost();
  const text = `#include <stdio.h>
    #include <sys/stat.h>
    #include <unistd.h>
    int main() {
      char path[100];
      printf("%s ", getcwd(path, sizeof path));
      FILE* file = fopen("x.txt", "w");
      if (!file || fclose(file) || access("/data/in/x.txt", R_OK)) return 1;
      if (mkdir("sub", 0755) || chdir("sub")) return 2;
      printf("%s ", getcwd(path, sizeof path));
      if (access("../x.txt", R_OK) || access("/tmp", R_OK) || access("/dev/null", R_OK)) return 3;
      printf("%d", chdir("/none"));
      return 0;
    }`;
  const { wasm } = await buildModule({ sources: [{ path: 'where.c', text }] });
  await at.put('ada/here', wasm, { 'X-Faasm-Cwd': '/data/in' });
  t.is(await (await at.post('ada/here')).text(), '/data/in /data/in/sub -1');
  await at.put('ada/root', wasm);
  const { output } = (await (await at.post('ada/root')).json()) as { output?: string };
  t.is(output, '/ ', 'the root has no /data');
});

for (const [kind, text] of [
  ['a command', 'int main(int argc, char** argv) { return atoi(argv[1]); }'],
  ['a command that calls exit()', 'int main(int argc, char** argv) { exit(atoi(argv[1])); }'],
] as const) {
  test.serial(`the exit code of ${kind} is its return value`, async (t) => {
    await using at = await startTestHost();
    const { wasm: module } = await buildModule({
      sources: [{ path: 'exit.c', text: `#include <stdlib.h>\n${text}` }],
    });
    await at.put('ada/f', module);
    for (const code of [0, 1, 2, 42, 126, 127, 128, 134, 254, 255, 0]) {
      const response = await at.post('ada/f', '', { 'X-Faasm-Arg': String(code) });
      t.is(response.status, code === 0 ? 200 : 500);
      if (code !== 0) t.is(((await response.json()) as { returnValue: number }).returnValue, code);
    }
  });
}
