/** The `workerd` package with a wasm echo, once with an instance for each request and once with one for all. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import initWabt from 'wabt';
import { freePort, root, untilOk } from '../processes.ts';

/** Copies its input from 1024 to 65536 and gives that place. */
const echo = `(module
  (memory (export "memory") 4)
  (func (export "run") (param i32) (result i32)
    (memory.copy (i32.const 65536) (i32.const 1024) (local.get 0))
    (i32.const 65536)))`;

export interface Workerd extends AsyncDisposable {
  readonly fresh: string;
  readonly reused: string;
}

/** Nothing where the package cannot be installed. */
export async function startWorkerd(): Promise<Workerd | undefined> {
  const folder = join(root, 'bench');
  const program = join(folder, 'node_modules/.bin/workerd');
  if (!existsSync(program)) {
    console.error('installing the peers of bench/package.json …');
    // No lockfile: it would name packages of other platforms, which not every registry has. The version is exact.
    spawnSync('npm', ['install', '--no-package-lock', '--prefix', folder], { stdio: 'ignore' });
  }
  if (!existsSync(program)) {
    console.error('workerd cannot be installed here: it is left out');
    return undefined;
  }
  const served = await mkdtemp(join(tmpdir(), 'faasm-workerd-'));
  await cp(join(folder, 'servers/workerd'), served, { recursive: true });
  const module = (await initWabt()).parseWat('echo.wat', echo, { bulk_memory: true });
  await writeFile(join(served, 'echo.wasm'), module.toBinary({}).buffer);
  const [fresh, reused] = await Promise.all([freePort(), freePort()]);
  const sockets = [`-sfresh=127.0.0.1:${fresh}`, `-sreused=127.0.0.1:${reused}`];
  const child = spawn(program, ['serve', 'config.capnp', ...sockets], { cwd: served, stdio: 'inherit' });
  const urls = { fresh: `http://127.0.0.1:${fresh}/`, reused: `http://127.0.0.1:${reused}/` };
  await untilOk(urls.fresh);
  return {
    ...urls,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      await rm(served, { recursive: true });
    },
  };
}
