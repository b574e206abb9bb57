import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** Has the process say that it is an earlier Node. */
const earlier = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})`;

async function launch(folder: string, options: readonly string[], args: readonly string[]) {
  const program = join(folder, 'actors/launch.js');
  try {
    const { stdout, stderr } = await run(process.execPath, [...options, program, ...args]);
    return { status: 0, stdout, stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

/** The command's sources without the packages that they need. */
async function withoutPackages(t: { teardown(done: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-launch-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await cp(join(root, 'actors'), join(folder, 'actors'), { recursive: true });
  for (const name of ['src', 'proto']) await cp(join(root, name), join(folder, name), { recursive: true });
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  return folder;
}

test('the command runs here where this Node can run it', async (t) => {
  const { status, stdout } = await launch(root, [], ['--version']);
  t.is(status, 0);
  t.regex(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('the command runs on the Node of the project where this one is too early', async (t) => {
  const done = await launch(root, ['--import', earlier], ['--version']);
  t.like(done, { status: 0, stderr: '' });
  t.regex(done.stdout, /^\d+\.\d+\.\d+\n$/);
  t.is((await launch(root, ['--import', earlier], ['frob'])).status, 2, 'its exit status is passed on');
});

test('where there is no Node for the command, it says what to install', async (t) => {
  const { status, stderr } = await launch(await withoutPackages(t), ['--import', earlier], ['--version']);
  t.is(status, 1);
  t.regex(stderr, /Node 26 or later, and this is Node 20\.1\.0/);
  t.regex(stderr, /npm ci/);
  t.notRegex(stderr, /^\s+at /m);
});

test('where a Node of the project cannot be started, it says so', async (t) => {
  const folder = await withoutPackages(t);
  const name = `node-${process.platform}-${process.arch}`;
  await cp(
    join(root, 'node_modules', name, 'package.json'),
    join(folder, 'node_modules', name, 'package.json'),
  );
  await cp(join(root, 'package.json'), join(folder, 'node_modules', name, 'bin/node'));
  const { status, stderr } = await launch(folder, ['--import', earlier], ['--version']);
  t.is(status, 1);
  t.regex(stderr, /cannot be started: .*EACCES/);
});

test('where a package is missing, it says what to install', async (t) => {
  const { status, stderr } = await launch(await withoutPackages(t), [], ['start', '--http-port', '0']);
  t.is(status, 1);
  t.regex(stderr, /^The package [\w@/-]+ is not installed\.\nInstall what Faasm needs with: npm ci\n/);
  t.notRegex(stderr, /^\s+at /m);
});
