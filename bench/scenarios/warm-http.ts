/** Warm `POST /f/demo/echo` with a full reset after each call, beside a bare node:http echo, in turns. */
import { median } from '../load/summary.ts';
import { load, startHost, startProcess } from '../processes.ts';
import type { Row } from '../table.ts';

const connections = 32;
const seconds = 3;
const rounds = 3;
const body = 'hello faasm';

export async function warmHttp(): Promise<Row[]> {
  await using host = await startHost();
  await using bare = await startProcess(process.execPath, ['bench/servers/http-echo.ts']);
  const ours: number[] = [];
  const theirs: number[] = [];
  let p99Us = 0;
  for (let round = 0; round < rounds; round++) {
    const result = await load('http-load.ts', [`${host.http}/f/demo/echo`, connections, seconds, body]);
    if (result.failures > 0) throw new Error(`${result.failures} calls failed`);
    ours.push(result.perSecond);
    p99Us = result.p99Us;
    const other = await load('http-load.ts', [
      `http://127.0.0.1:${bare.firstLine}/`,
      connections,
      seconds,
      body,
    ]);
    theirs.push(other.perSecond);
  }
  return [
    {
      what: `warm POST /f/demo/echo, ${connections} connections`,
      value: `${median(ours).toFixed(0)}/s, p99 ${(p99Us / 1000).toFixed(1)} ms`,
      baseline: `bare node:http ${median(theirs).toFixed(0)}/s`,
      ratio: median(ours) / median(theirs),
    },
  ];
}
