/** Upload of a module nobody has seen, and its first call; beside a warm call of the same. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCached } from '../../src/build/build-cached.ts';
import { stopToolchain } from '../../src/build/build-module.ts';
import { median } from '../load/summary.ts';
import { cacheFolder, root, startHost } from '../processes.ts';
import type { Row } from '../table.ts';

const uploads = 40;

export async function coldStart(): Promise<Row[]> {
  await using host = await startHost();
  const path = join(root, 'func/demo/chain_await.cpp');
  const { wasm } = await buildCached({
    sources: [{ path, text: await readFile(path, 'utf8') }],
    cacheFolder,
  });
  await stopToolchain();
  const upload: number[] = [];
  const first: number[] = [];
  const warm: number[] = [];
  for (let at = 0; at < uploads; at++) {
    const url = `${host.http}/f/demo/bench_${at}`;
    upload.push(await timed(url, 'PUT', distinct(wasm, at)));
    first.push(await timed(url, 'POST', 'hello'));
    warm.push(await timed(url, 'POST', 'hello'));
  }
  const size = `${Math.round(wasm.length / 1024)} KB module`;
  return [
    { what: `upload until live, ${size}, p50`, value: ms(median(upload)) },
    {
      what: `first call after the upload, p50`,
      value: ms(median(first)),
      baseline: `to reach: 10 ms; second call ${ms(median(warm))}`,
      ratio: 10 / median(first),
    },
  ];
}

/** The same module with other bytes: a custom section with a number in it. */
function distinct(wasm: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
  const section = Uint8Array.of(0, 6, 1, 0x62, at & 127, at >> 7, 0, 0);
  const all = new Uint8Array(wasm.length + section.length);
  all.set(wasm);
  all.set(section, wasm.length);
  return all;
}

async function timed(url: string, method: string, body: string | Uint8Array<ArrayBuffer>): Promise<number> {
  const startMs = performance.now();
  const response = await fetch(url, { method, body });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status}`);
  return performance.now() - startMs;
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;
