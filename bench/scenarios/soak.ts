/** Does anything grow? Many calls, versions and killed executors on one host, whose memory and mappings are watched. */
import { readdirSync, readFileSync } from 'node:fs';
import { buildFunction, upload } from '../functions/build.ts';
import { load, startHost } from '../processes.ts';
import type { Row } from '../table.ts';

const calls = 1_000_000;
const versions = 1000;
const kills = 200;
/** Measured after each. */
const steps = 10;
const atOnce = 4;

interface Seen {
  readonly rssMiB: number;
  readonly mappings: number;
  readonly files: number;
}

export async function soak(): Promise<Row[]> {
  await using host = await startHost();
  const url = `${host.http}/f/demo/echo`;
  const wasm = await buildFunction('nap.cpp');
  const seen: Seen[] = [];
  let called = 0;
  for (let step = 0; step <= steps; step++) {
    while (called < (calls * step) / steps) {
      const { perSecond, failures } = await load('http-load.ts', [url, 32, 5, 'hello faasm']);
      if (failures > 0) throw new Error(`${failures} calls failed`);
      // The warm-up of the load is not in its figure.
      called += Math.round(perSecond * 5.5);
    }
    for (let at = 0; step > 0 && at < versions / steps; at++) {
      const version = new Uint8Array([...wasm, 0, 6, 1, 0x62, at & 127, at >> 7, step, 0]);
      await upload(host.http, 'bench/nap', version);
      await fetch(`${host.http}/f/bench/nap`, { method: 'POST', body: '0' });
    }
    for (let at = 0; step > 0 && at < kills / steps / atOnce; at++) await killSome(host.http);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    seen.push(look(host.pid));
    console.error(`${called} calls, ${JSON.stringify(seen.at(-1))}`);
  }
  // The first step is the warm-up.
  const [first, last] = [seen[Math.floor(steps / 2)]!, seen.at(-1)!];
  const told = (name: keyof Seen, unit: string): Row => ({
    what: `${name} after ${calls / 2} and ${calls} calls, ${versions} versions, ${kills} executors killed`,
    value: `${last[name].toFixed(0)}${unit}`,
    baseline: `half way: ${first[name].toFixed(0)}${unit}`,
    ratio: first[name] / last[name],
    target: 0.9,
  });
  return [told('rssMiB', ' MiB'), told('mappings', ''), told('files', '')];
}

/** Calls that never end, of which each takes its executor with it. */
async function killSome(url: string): Promise<void> {
  const loops = Array.from({ length: atOnce }, () =>
    fetch(`${url}/f/demo/errors`, { method: 'POST', body: 'loop', headers: { 'x-faasm-timeout': '100ms' } }),
  );
  for (const { status } of await Promise.all(loops)) {
    if (status !== 504) throw new Error(`a loop ended with ${status}`);
  }
}

function look(pid: number): Seen {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024,
    mappings: readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').length - 1,
    files: readdirSync(`/proc/${pid}/fd`).length,
  };
}
