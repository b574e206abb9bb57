/** What a warm call of one user costs while two functions of another spin without end. */
import { load, startHost } from '../processes.ts';
import type { Row } from '../table.ts';

const runaways = 2;
const seconds = 4;

export async function neighbours(): Promise<Row[]> {
  await using host = await startHost();
  const echo = await (
    await fetch(`${host.http}/f/demo/echo`, { headers: { accept: 'application/wasm' } })
  ).bytes();
  await fetch(`${host.http}/f/ada/echo`, { method: 'PUT', body: echo });
  const measure = () => load('http-load.ts', [`${host.http}/f/ada/echo`, 1, seconds, 'hello']);
  const alone = await measure();
  const headers = { 'x-faasm-timeout': `${seconds + 2}s` };
  const spinning = Array.from({ length: runaways }, () =>
    fetch(`${host.http}/f/demo/errors`, { method: 'POST', body: 'loop', headers }),
  );
  const beside = await measure();
  await Promise.all(spinning);
  const ms = (us: number): string => `${(us / 1000).toFixed(1)} ms`;
  return [
    {
      what: `warm call beside ${runaways} runaways of another user, p99`,
      value: `${ms(beside.p99Us)} (p50 ${ms(beside.p50Us)})`,
      baseline: `alone ${ms(alone.p99Us)} (p50 ${ms(alone.p50Us)}); to reach: 10 ms`,
      ratio: 10_000 / beside.p99Us,
    },
  ];
}
