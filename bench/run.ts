/**
 * `npm run bench`: every scenario, or those whose names are given, and one table at the end; it is written with a
 * chart to bench/results/. `soak` takes several minutes and runs only when it is asked for.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toChart } from './chart.ts';
import { root } from './processes.ts';
import { type Row, toTable } from './table.ts';

const scenarios: Readonly<Record<string, () => Promise<Row[]>>> = {
  'warm-http': async () => (await import('./scenarios/warm-http.ts')).warmHttp(),
  'warm-nats': async () => (await import('./scenarios/warm-nats.ts')).warmNats(),
  'cold-start': async () => (await import('./scenarios/cold-start.ts')).coldStart(),
  chain: async () => (await import('./scenarios/chain.ts')).chain(),
  neighbours: async () => (await import('./scenarios/neighbours.ts')).neighbours(),
  faaslet: async () => (await import('./scenarios/faaslet.ts')).faaslet(),
  pointer: async () => (await import('./scenarios/pointer.ts')).pointer(),
  'redis-queue': async () => (await import('./scenarios/redis-queue.ts')).redisQueue(),
  'shared-state': async () => (await import('./scenarios/shared-state.ts')).sharedState(),
  scale: async () => (await import('./scenarios/scale.ts')).scale(),
  kernels: async () => (await import('./scenarios/kernels.ts')).kernels(),
  soak: async () => (await import('./scenarios/soak.ts')).soak(),
};
const onlyWhenAsked = new Set(['soak']);

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in scenarios));
if (unknown.length > 0) {
  console.error(`There is no scenario ${unknown.join(', ')}; there are ${Object.keys(scenarios).join(', ')}`);
  process.exit(2);
}
const rows: Row[] = [];
for (const [name, run] of Object.entries(scenarios)) {
  if (wanted.length > 0 ? !wanted.includes(name) : onlyWhenAsked.has(name)) continue;
  console.error(`${name} …`);
  rows.push(...(await run()));
}
const table = toTable(rows);
console.log(table);
const results = join(root, 'bench/results');
await mkdir(results, { recursive: true });
await writeFile(join(results, 'table.md'), `${table}\n`);
await writeFile(join(results, 'chart.svg'), toChart(rows));
console.error('written to bench/results: table.md, chart.svg');
