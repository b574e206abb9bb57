/** The package as npm makes and installs it, in a folder where nothing else is. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const folder = await mkdtemp(join(tmpdir(), 'faasm-package-'));
const app = join(folder, 'app');
const faasm = join(app, 'node_modules/.bin/faasm');
const anyPorts = ['--http-port', '0', '--upload-port', '0', '--nats-port', '0'];

interface Lock {
  readonly packages: Record<string, { readonly dev?: true }>;
}

test.before(async () => {
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root });
  await install(join(folder, stdout.trim().split('\n').at(-1)!));
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

/** With the versions that the repository has, by their hashes: what is newest in the registry changes. */
async function install(tarball: string): Promise<void> {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const { '': own, ...others } = packages;
  const program = { name: 'app', version: '1.0.0', dependencies: { faasm: `file:${tarball}` } };
  const lock = {
    lockfileVersion: 3,
    packages: {
      '': program,
      'node_modules/faasm': { ...own, resolved: `file:${tarball}` },
      ...Object.fromEntries(Object.entries(others).filter(([, { dev }]) => dev !== true)),
    },
  };
  await mkdir(app);
  await writeFile(join(app, 'package.json'), JSON.stringify(program));
  await writeFile(join(app, 'package-lock.json'), JSON.stringify(lock));
  const quietly = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
  await run('npm', ['ci', ...quietly], { cwd: app });
}

test('an installed faasm has no TypeScript of the program and nothing of development', async (t) => {
  const { stdout } = await run('npm', ['ls', '--all', '--parseable'], { cwd: app });
  t.notRegex(stdout, /node_modules\/(ava|tsx|typescript|@biomejs)/);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  t.is((await run(faasm, ['--version'])).stdout, `${version}\n`);
});

test('an installed faasm runs on the Node that came with it, where it is called with an earlier one', async (t) => {
  const earlier = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})`;
  const launcher = join(app, 'node_modules/faasm/actors/launch.js');
  const { stdout, stderr } = await run(process.execPath, ['--import', earlier, launcher, '--version']);
  t.regex(stdout, /^\d+\.\d+\.\d+\n$/);
  t.is(stderr, '');
});

test('npx faasm init, build and run make a function in an empty folder', async (t) => {
  const npx = (...args: string[]) => run('npx', ['--offline', 'faasm', ...args], { cwd: app });
  await npx('init', 'hello', '--template', 'c');
  await npx('build', 'hello/hello.c', '-o', 'hello.wasm');
  const child = run(faasm, ['run', 'hello.wasm'], { cwd: app });
  child.child.stdin!.end('Ada');
  t.is((await child).stdout, 'Hello Ada');
});

test('an installed faasm dev builds what is in func, serves it and its web page, and ends when told to', async (t) => {
  await run(faasm, ['init', 'func/me'], { cwd: app });
  const host = spawn(faasm, ['dev', '--json', ...anyPorts], { cwd: app, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => host.kill('SIGKILL'));
  let log = '';
  host.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exit = once(host, 'exit');
  const [announced] = await Promise.race([once(host.stdout, 'data'), exit.then(() => [''])]);
  t.not(`${announced}`, '', log);
  const { http, live } = JSON.parse(`${announced}`) as { http: string[]; live: string[] };
  t.deepEqual(live, ['me/hello']);
  const answer = await fetch(`${http[0]}/f/me/hello`, { method: 'POST', body: 'Ada' });
  t.is(await answer.text(), 'Hello Ada');
  t.regex(await (await fetch(`${http[0]}/`)).text(), /<title>/);
  host.kill('SIGTERM');
  t.deepEqual(await exit, [0, null], log);
});

const program = `
import { FaasmError, type Host, startHost } from 'faasm';

const wat = Uint8Array.from(process.argv[2]!.split(','), Number);
await using host: Host = await startHost({ callTimeoutMs: 10_000 });
const { live } = await host.upload('me', 'echo', wat, { env: { NAME: 'value' } });
const output = await host.invoke('me', 'echo', 'hello');
const failed = await host.invoke('me', 'nothing').catch((error: unknown) => error);
console.log(live.length > 0, output.toString(), failed instanceof FaasmError && failed.code);
`;

test('a program that imports faasm has types for it, starts a host, calls it and ends by itself', async (t) => {
  await writeFile(join(app, 'program.mts'), program);
  const options = ['--strict', '--module', 'nodenext', '--target', 'esnext', '--noEmit'];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  const compiler = join(root, 'node_modules/.bin/tsc');
  await run(compiler, ['--ignoreConfig', ...options, ...types, 'program.mts'], { cwd: app });
  const { wasm, guests } = await import('./_host.ts');
  const { stdout } = await run(process.execPath, ['program.mts', wasm(guests.echo).join()], { cwd: app });
  t.is(stdout, 'true hello not_found\n');
});
