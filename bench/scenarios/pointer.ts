/** Opening a state value by pointer: what it takes does not depend on its size, as no byte is copied. */
import { buildFunction, upload } from '../functions/build.ts';
import { median } from '../load/summary.ts';
import { startHost } from '../processes.ts';
import type { Row } from '../table.ts';

const MiB = 1024 * 1024;
const targetUs = 100;
const runs = 200;

export async function pointer(): Promise<Row[]> {
  await using host = await startHost({ FAASM_MEMORY_MAX_MIB: '2048' });
  await upload(host.http, 'bench/open_state', await buildFunction('open_state.cpp'));
  const rows: Row[] = [];
  for (const [size, told] of [
    [MiB, '1 MiB'],
    [1024 * MiB, '1 GiB'],
  ] as const) {
    const key = `${host.http}/s/bench/value-${size}`;
    const chunk = new Uint8Array(64 * MiB).fill(7);
    for (let at = 0; at < size; at += chunk.length) {
      const body = chunk.subarray(0, Math.min(chunk.length, size - at));
      const stored = await fetch(key, {
        method: 'PUT',
        body,
        headers: { 'Content-Range': `bytes ${at}-${at + body.length - 1}/${size}` },
      });
      if (!stored.ok) throw new Error(await stored.text());
    }
    const times: number[] = [];
    for (let run = 0; run < runs; run++) {
      const answer = await fetch(`${host.http}/f/bench/open_state`, { method: 'POST', body: String(size) });
      if (!answer.ok) throw new Error(await answer.text());
      const [nanoseconds, last] = (await answer.text()).split(' ');
      if (last !== '7') throw new Error(`a byte of ${told} is ${last}`);
      times.push(Number(nanoseconds) / 1000);
    }
    rows.push({
      what: `opening a state value of ${told} by pointer, warm, p50`,
      value: `${median(times).toFixed(1)} µs`,
      baseline: `to reach: ${targetUs} µs`,
      ratio: targetUs / median(times),
    });
  }
  return rows;
}
