/** Numeric kernels as a function, beside the same C built for this machine with `clang -O3`. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildFunction, upload } from '../functions/build.ts';
import { median } from '../load/summary.ts';
import { root, startHost } from '../processes.ts';
import type { Row } from '../table.ts';

const names = [
  'gemm',
  '2mm',
  'atax',
  'bicg',
  'mvt',
  'syrk',
  'cholesky',
  'lu',
  'trisolv',
  'jacobi-2d',
  'seidel-2d',
  'floyd-warshall',
  'covariance',
];
const rounds = 7;
/** Native time over ours; the original has 1 / 1.10. */
const target = 1 / 1.3;

export async function kernels(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-kernels-'));
  try {
    const native = join(folder, 'kernels');
    if (!buildNative(native)) {
      console.error('clang is not here and cannot be installed: the kernels are left out');
      return [];
    }
    await using host = await startHost();
    await upload(host.http, 'bench/kernels', await buildFunction('kernels.c'));
    const rows: Row[] = [];
    const ratios: number[] = [];
    for (const name of names) {
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const answer = await fetch(`${host.http}/f/bench/kernels`, { method: 'POST', body: name });
        const here = (await answer.text()).split(' ');
        const there = spawnSync(native, { input: name, encoding: 'utf8' }).stdout.split(' ');
        if (!answer.ok || Number(here[1]).toPrecision(8) !== Number(there[1]).toPrecision(8)) {
          throw new Error(`${name} gave ${here.join(' ')}, and ${there.join(' ')} natively`);
        }
        ours.push(Number(here[0]));
        theirs.push(Number(there[0]));
      }
      ratios.push(median(theirs) / median(ours));
      rows.push(row(name, median(ours), median(theirs)));
    }
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
    return [
      ...rows,
      {
        what: `${names.length} kernels, geometric mean of the times`,
        value: `${(1 / mean).toFixed(2)} times native`,
        baseline: 'clang -O3; to reach: 1.3; the original 1.10',
        ratio: mean,
        target,
      },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

function row(name: string, oursNs: number, theirsNs: number): Row {
  const toMs = (ns: number): string => `${(ns / 1e6).toFixed(1)} ms`;
  return {
    what: `kernel ${name}`,
    value: toMs(oursNs),
    baseline: `clang -O3 ${toMs(theirsNs)}`,
    ratio: theirsNs / oursNs,
    target,
  };
}

function buildNative(output: string): boolean {
  const source = join(root, 'bench/functions/kernels.c');
  const build = () => spawnSync('clang', ['-O3', '-o', output, source, '-lm']).status === 0;
  if (build()) return true;
  if (process.getuid?.() !== 0) return false;
  spawnSync('apt-get', ['update']);
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'clang', 'libc6-dev']);
  return build();
}
