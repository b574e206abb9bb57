/** Warm `request` on `faasm.invoke.demo.echo` over a real nats-server, beside a bare echo service, in turns. */

import { spawn } from 'node:child_process';
import { median } from '../load/summary.ts';
import { freePort, load, startHost, startProcess } from '../processes.ts';
import type { Row } from '../table.ts';

const atOnce = 32;
const seconds = 3;
const rounds = 5;
const body = 'hello faasm';

export async function warmNats(): Promise<Row[]> {
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  try {
    await using _host = await startHost({ NATS_URL: url });
    await using _echo = await startProcess(process.execPath, ['bench/servers/nats-echo.ts', url]);
    await using own = await startHost();
    const ours: number[] = [];
    const listener: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(
        (await load('nats-load.ts', [url, 'faasm.invoke.demo.echo', atOnce, seconds, body])).perSecond,
      );
      theirs.push((await load('nats-load.ts', [url, 'bench.echo', atOnce, seconds, body])).perSecond);
      const ownUrl = `nats://127.0.0.1:${own.natsPort}`;
      listener.push(
        (await load('nats-load.ts', [ownUrl, 'faasm.invoke.demo.echo', atOnce, seconds, body])).perSecond,
      );
    }
    const baseline = `bare NATS echo service ${median(theirs).toFixed(0)}/s`;
    return [
      {
        what: `warm request over nats-server, ${atOnce} at once`,
        value: `${median(ours).toFixed(0)}/s`,
        baseline,
        ratio: median(ours) / median(theirs),
        target: 0.6,
      },
      {
        what: `the same on the host's own NATS listener`,
        value: `${median(listener).toFixed(0)}/s`,
        baseline,
        ratio: median(listener) / median(theirs),
        target: 0.6,
      },
    ];
  } finally {
    server.kill();
  }
}
