/** `npm run bench`: every scenario, or those whose names are given, and one table at the end. */
import { printTable, type Row } from './table.ts';

const scenarios: Readonly<Record<string, () => Promise<Row[]>>> = {
  'warm-http': async () => (await import('./scenarios/warm-http.ts')).warmHttp(),
  'warm-nats': async () => (await import('./scenarios/warm-nats.ts')).warmNats(),
  'cold-start': async () => (await import('./scenarios/cold-start.ts')).coldStart(),
  chain: async () => (await import('./scenarios/chain.ts')).chain(),
  neighbours: async () => (await import('./scenarios/neighbours.ts')).neighbours(),
  faaslet: async () => (await import('./scenarios/faaslet.ts')).faaslet(),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in scenarios));
if (unknown.length > 0) {
  console.error(`There is no scenario ${unknown.join(', ')}; there are ${Object.keys(scenarios).join(', ')}`);
  process.exit(2);
}
const rows: Row[] = [];
for (const [name, run] of Object.entries(scenarios)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.error(`${name} …`);
  rows.push(...(await run()));
}
printTable(rows);
