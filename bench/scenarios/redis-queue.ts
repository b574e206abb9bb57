/** Calls pushed to a Redis list and results popped, beside a bare loop of BLMOVE, RPUSH and LREM with the same client, in turns. */
import { spawn } from 'node:child_process';
import { median } from '../load/summary.ts';
import { freePort, load, startHost, startProcess } from '../processes.ts';
import type { Row } from '../table.ts';

const atOnce = 64;
const seconds = 3;
const rounds = 5;
const body = 'hello faasm';

export async function redisQueue(): Promise<Row[]> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const server = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  });
  try {
    await using _host = await startHost({ FAASM_RECEIVE: 'redis', FAASM_REDIS_URL: url });
    await using _echo = await startProcess(process.execPath, ['bench/servers/redis-echo.ts', url]);
    const run = async (list: string): Promise<number> => {
      const { perSecond, failures } = await load('redis-load.ts', [
        url,
        list,
        'demo/echo',
        atOnce,
        seconds,
        body,
      ]);
      if (failures > 0) throw new Error(`${failures} calls of ${list} failed`);
      return perSecond;
    };
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await run('all_incoming'));
      bare.push(await run('bare'));
    }
    return [
      {
        what: `calls through a Redis list, ${atOnce} at once`,
        value: `${median(ours).toFixed(0)}/s`,
        baseline: `bare BLMOVE, RPUSH, LREM ${median(bare).toFixed(0)}/s`,
        ratio: median(ours) / median(bare),
        target: 0.5,
      },
    ];
  } finally {
    server.kill();
  }
}
