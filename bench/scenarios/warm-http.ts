/** Warm `POST /f/demo/echo` with a full reset after each call, beside a bare node:http echo and workerd, in turns. */
import { median } from '../load/summary.ts';
import { load, startHost, startProcess } from '../processes.ts';
import { startWorkerd } from '../servers/workerd.ts';
import type { Row } from '../table.ts';

const connections = 32;
const seconds = 3;
const rounds = 5;
const body = 'hello faasm';

export async function warmHttp(): Promise<Row[]> {
  await using host = await startHost();
  await using bare = await startProcess(process.execPath, ['bench/servers/http-echo.ts']);
  await using workerd = await startWorkerd();
  const urls = {
    faasm: `${host.http}/f/demo/echo`,
    bare: `http://127.0.0.1:${bare.firstLine}/`,
    ...(workerd && { fresh: workerd.fresh, reused: workerd.reused }),
  };
  const perSecond: Record<string, number[]> = {};
  const p99Us: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [name, url] of Object.entries(urls)) {
      const result = await load('http-load.ts', [url, connections, seconds, body]);
      if (result.failures > 0) throw new Error(`${result.failures} requests to ${name} failed`);
      (perSecond[name] ??= []).push(result.perSecond);
      if (name === 'faasm') p99Us.push(result.p99Us);
    }
  }
  const ours = median(perSecond.faasm!);
  const row = (name: string, told: string, target: number, what = 'the same'): Row => ({
    what,
    value: `${ours.toFixed(0)}/s, p99 ${(median(p99Us) / 1000).toFixed(1)} ms`,
    baseline: `${told} ${median(perSecond[name]!).toFixed(0)}/s`,
    ratio: ours / median(perSecond[name]!),
    target,
  });
  return [
    row('bare', 'bare node:http', 0.6, `warm POST /f/demo/echo, ${connections} connections`),
    ...(workerd === undefined
      ? []
      : [
          row('fresh', 'workerd, an instance a request', 3),
          row('reused', 'workerd, one instance for all', 1.5),
        ]),
  ];
}
