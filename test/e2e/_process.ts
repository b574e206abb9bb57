/** A host in a process of its own, to be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface HostProcess {
  readonly process: ChildProcess;
  readonly url: string;
}

const root = join(import.meta.dirname, '../..');

/** Resolves when it is ready. @throws when it ends before */
export async function startHostProcess(
  data: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<HostProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const ports = ['--http-port', String(port), '--upload-port', '0', '--nats-port', '0'];
  const host = spawn(process.execPath, ['actors/faasm.ts', 'start', '--data', data, ...ports, ...flags], {
    cwd: root,
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  for (;;) {
    const ready = await fetch(`${url}/readyz`).catch(() => undefined);
    if (ready?.ok) return { process: host, url };
    if (host.exitCode !== null) throw new Error(`the host ended with ${host.exitCode}`);
    await delay(50);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
