import test from 'ava';
import type { CallId, HostId } from '../../proto/names.ts';
import { Hosts } from '../../src/scheduler/hosts.ts';
import { createRandom } from '../random.ts';
import { status } from './_status.ts';

const limits = { hostSilentMs: 3000, awayUs: 5000, awayUsPerByte: 0.01, coldUs: 20_000 };
const here = 'here' as HostId;
const program = 'ada/f@1';

/** Counts how often a random number is asked for: each is one host that is looked at. */
function crowd(count: number) {
  const random = createRandom(count);
  let looked = 0;
  const hosts = new Hosts(here, 'shared', limits, () => {
    looked++;
    return random.below(1_000_000) / 1_000_000;
  });
  hosts.hear(status('here', { backlogUs: 10_000_000 }), 0);
  const warm = { whole: true, added: [program], removed: [] };
  for (let at = 0; at < count; at++) {
    hosts.hear(status(`h${at}`, { backlogUs: at * 100, warm, capacity: 1000 }), 0);
  }
  return { hosts, looked: () => looked };
}

test('Hosts looks at as many hosts among a thousand as among three', (t) => {
  for (const count of [3, 1000]) {
    const { hosts, looked } = crowd(count);
    for (let at = 0; at < 1000; at++) hosts.choose(program, 'shared', 0, 0);
    t.is(looked(), 2000, `${count} hosts`);
    for (let at = 0; at < 1000; at++) hosts.choose('ada/cold@1', 'shared', 0, 0);
    t.is(looked(), 4000, `${count} hosts`);
  }
});

test('Hosts looks at none while this host is not loaded', (t) => {
  const { hosts, looked } = crowd(1000);
  hosts.hear(status('here'), 0);
  t.is(hosts.choose(program, 'shared', 0, 0), here);
  t.is(looked(), 0);
});

test('Hosts spreads calls among many, the less loaded first', (t) => {
  const { hosts } = crowd(100);
  const counts = new Map<string, number>();
  for (let at = 0; at < 10_000; at++) {
    const host = hosts.choose(program, 'shared', 0, 0)!;
    hosts.begin(host, `c${at}` as CallId, 1000);
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  const placed = [...counts.values()];
  t.is(placed.length, 100);
  t.true(Math.max(...placed) < 115, `${Math.max(...placed)} on one`);
  t.true(Math.min(...placed) > 85, `${Math.min(...placed)} on one`);
});

test('Hosts forgets who is silent, and takes notice of it when it is back', (t) => {
  const { hosts } = crowd(5);
  hosts.hear(status('here', { backlogUs: 10_000_000 }), 3000);
  t.deepEqual(hosts.forgetSilent(3000), []);
  t.is(hosts.size, 1);
  t.is(hosts.choose(program, 'shared', 0, 3000), here);
  hosts.hear(status('h1'), 3001);
  t.is(hosts.choose(program, 'shared', 0, 3001), 'h1' as HostId);
});

test('Hosts keeps what it knows right in random histories', (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = createRandom(seed);
    const hosts = new Hosts(here, 'shared', limits, () => random.below(1000) / 1000);
    const serving = new Set<string>();
    const open = new Map<CallId, ReturnType<Hosts['begin']>>();
    hosts.hear(status('here', { backlogUs: 10_000_000 }), 0);
    for (let at = 0; at < 300; at++) {
      const host = `h${random.below(8)}`;
      const phase = random.pick(['serving', 'serving', 'serving', 'draining', 'gone'] as const);
      const added = random.below(2) === 0 ? [program] : [];
      const change = { whole: random.below(2) === 0, added, removed: added.length > 0 ? [] : [program] };
      const lost = hosts.hear(status(host, { phase, warm: change }), 0);
      for (const id of lost) t.is(open.get(id)?.host, host as HostId, `seed ${seed}`);
      for (const id of lost) open.delete(id);
      if (phase === 'serving') serving.add(host);
      else serving.delete(host);
      const chosen = hosts.choose(program, 'shared', 0, 0)!;
      t.is(chosen === here, serving.size === 0, `seed ${seed}`);
      if (chosen === here) continue;
      t.true(serving.has(chosen), `seed ${seed}`);
      const id = `c${at}` as CallId;
      open.set(id, hosts.begin(chosen, id, 1000));
      const [ended, placed] = random.pick([...open]);
      if (random.below(2) === 0) continue;
      hosts.end(placed, ended);
      open.delete(ended);
    }
  }
});
