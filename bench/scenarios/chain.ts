/** Chain and await on one host: a function that chains an echo so many times, at once and one after the other. */
import { buildFunction, upload } from '../functions/build.ts';
import { median } from '../load/summary.ts';
import { startHost } from '../processes.ts';
import type { Row } from '../table.ts';

const calls = 1000;
const rounds = 9;

export async function chain(): Promise<Row[]> {
  await using host = await startHost();
  await upload(host.http, 'demo/fan_out', await buildFunction('fan_out.cpp'));
  const url = `${host.http}/f/demo/fan_out`;
  const measure = async (how: string): Promise<number> => {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const startMs = performance.now();
      const response = await fetch(url, { method: 'POST', body: `${how} ${calls}` });
      if (!response.ok) throw new Error(await response.text());
      times.push(performance.now() - startMs);
    }
    return median(times);
  };
  const atOnce = await measure('all');
  const inTurn = await measure('one');
  return [
    {
      what: `fan-out of ${calls} calls and join`,
      value: `${atOnce.toFixed(0)} ms`,
      baseline: 'to reach: 60 ms',
      ratio: 60 / atOnce,
    },
    {
      what: 'chain and await, one after the other',
      value: `${((inTurn / calls) * 1000).toFixed(0)} µs each`,
      baseline: 'to reach: 30 µs',
      ratio: 0.03 / (inTurn / calls),
    },
  ];
}
