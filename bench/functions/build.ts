/** Builds a function of the benchmark, or takes it from the cache. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildCached } from '../../src/build/build-cached.ts';
import { stopToolchain } from '../../src/build/build-module.ts';
import { cacheFolder, root } from '../processes.ts';

/** @param file in bench/functions */
export async function buildFunction(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(root, 'bench/functions', basename(file));
  const sources = [{ path, text: await readFile(path, 'utf8') }];
  const { wasm } = await buildCached({ sources, cacheFolder });
  await stopToolchain();
  return wasm;
}

/** Uploads a function. @param name `user/function` */
export async function upload(host: string, name: string, wasm: Uint8Array<ArrayBuffer>): Promise<void> {
  const answer = await fetch(`${host}/f/${name}`, { method: 'PUT', body: wasm });
  if (!answer.ok) throw new Error(await answer.text());
}
