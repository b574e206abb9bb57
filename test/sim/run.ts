/**
 * The simulator: `npm run sim -- --seed 7 --seconds 60 --hosts 3 --trace`. Without a seed it takes one after the other,
 * from a fresh one or from `--from`, until something is wrong, or it has run for `--for` seconds or `--worlds` of them.
 */
import { parseArgs } from 'node:util';
import type { Log } from '../../src/log.ts';
import { simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    hosts: { type: 'string' },
    seconds: { type: 'string' },
    for: { type: 'string' },
    from: { type: 'string' },
    worlds: { type: 'string' },
    trace: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});
const toNumber = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);
const first = toNumber(values.seed ?? values.from) ?? Math.floor(Math.random() * 2 ** 31);
const onEvent = values.trace ? (text: string) => console.log(text) : undefined;
const log = values.log
  ? (host: string, component: string): Log => {
      const say =
        (level: string) =>
        (...what: unknown[]): void =>
          console.log(host, component, level, ...what);
      return {
        debug: say('debug'),
        info: say('info'),
        warn: say('warn'),
        error: say('error'),
      } as unknown as Log;
    }
  : undefined;

const startedMs = performance.now();
const forMs = values.seed === undefined ? Number(values.for ?? 60) * 1000 : 0;
let virtualMs = 0;
let events = 0;
let worlds = 0;
const counts = new Map<string, number>();
let failed = false;
for (let seed = first; !failed; seed++) {
  const found = await simulate({
    seed,
    hosts: toNumber(values.hosts),
    seconds: toNumber(values.seconds),
    tracksTimers: values.seed !== undefined,
    onEvent,
    log,
  });
  worlds++;
  virtualMs += found.virtualMs;
  events += found.events;
  for (const [what, count] of found.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  if (found.violations.length > 0) {
    failed = true;
    console.log(`seed ${seed}, trace ${found.hash}: ${found.violations.join('\n  ')}`);
  } else if (values.seed !== undefined) console.log(`seed ${seed}, trace ${found.hash}`);
  if (values.worlds === undefined ? performance.now() - startedMs >= forMs : worlds >= Number(values.worlds))
    break;
}
const minutes = (performance.now() - startedMs) / 60_000;
const days = virtualMs / 86_400_000;
console.log(
  `${worlds} worlds from seed ${first}, ${events} events, ${(virtualMs / 3_600_000).toFixed(2)} virtual hours, ${(days / minutes).toFixed(3)} virtual days a minute`,
);
console.log(
  [...counts]
    .sort()
    .map(([what, count]) => `${what} ${count}`)
    .join(', '),
);
process.exit(failed ? 1 : 0);
