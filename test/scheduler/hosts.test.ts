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

/** This host and another, as they tell of themselves, and where a call of `program` goes. */
const goes = test.macro({
  title: (about = '') => `Hosts sends a call ${about}`,
  exec(t, own: Parameters<typeof status>[1], others: Parameters<typeof status>[1], expected: string) {
    const hosts = new Hosts(here, 'shared', limits, () => 0);
    hosts.hear(status('here', own), 0);
    hosts.hear(status('b', others), 0);
    t.is(hosts.choose(program, 'shared', 0, 0), expected as HostId);
  },
});
const warm = { whole: true, added: [program], removed: [] };
test('nowhere while it begins here as soon as the way takes', goes, { backlogUs: 5000 }, { warm }, 'here');
test('to a warm Faaslet once it begins there sooner', goes, { backlogUs: 5001 }, { warm }, 'b');
test(
  'nowhere while a warm Faaslet there begins no sooner',
  goes,
  { backlogUs: 5100 },
  { warm, backlogUs: 100 },
  'here',
);
test('nowhere while a cold one there begins no sooner', goes, { backlogUs: 25_000 }, {}, 'here');
test('to a cold one once it begins there sooner', goes, { backlogUs: 25_001 }, {}, 'b');
test('by what each core has to do', goes, { backlogUs: 20_000, cores: 4 }, { warm }, 'here');
test('as with one core, where none are told', goes, { backlogUs: 5001, cores: 0 }, { warm }, 'b');
test('away from a host whose places are taken', goes, { activeCalls: 10, backlogUs: 1 }, { warm }, 'b');
test('nowhere where all places are taken', goes, { activeCalls: 10 }, { warm, activeCalls: 10 }, 'here');
test('to the last place of another', goes, { backlogUs: 9000 }, { warm, activeCalls: 9 }, 'b');

test('Hosts counts what it placed since a host was heard, and what has ended of all', (t) => {
  const hosts = new Hosts(here, 'shared', limits, () => 0);
  const hear = (backlogUs: number) => hosts.hear(status('here', { backlogUs }), 0);
  hosts.hear(status('b', { warm }), 0);
  const goesTo = () => hosts.choose(program, 'shared', 0, 0);
  hear(0);
  const placed = hosts.begin(here, 'a' as CallId, 5001);
  t.is(goesTo(), 'b' as HostId);
  hosts.end(placed, 'a' as CallId);
  t.is(goesTo(), here);
  const before = hosts.begin(here, 'b' as CallId, 2000);
  hear(6000);
  t.is(goesTo(), 'b' as HostId, 'what was placed before is in what it tells');
  hosts.end(before, 'b' as CallId);
  t.is(goesTo(), here);
  hear(6000);
  t.is(goesTo(), 'b' as HostId, 'what has ended before is not');
});

test('Hosts takes no notice of more hosts than so many, and goes on hearing those', (t) => {
  const hosts = new Hosts(here, 'shared', limits, () => 0);
  hosts.hear(status('here', { backlogUs: 90_000 }), 0);
  for (let at = 1; at < 10_000; at++) hosts.hear(status(`h${at}`, { phase: 'draining' }), 0);
  hosts.hear(status('late', { warm }), 0);
  t.is(hosts.size, 10_000);
  t.is(hosts.choose(program, 'shared', 0, 0), here);
  hosts.hear(status('h1', { warm }), 0);
  t.is(hosts.choose(program, 'shared', 0, 0), 'h1' as HostId);
});

test('Hosts believes nobody silent while nobody can be reached, nor just after', (t) => {
  const hosts = new Hosts(here, 'shared', limits, () => 0);
  hosts.hear(status('here', { backlogUs: 90_000 }), 0);
  hosts.hear(status('b', { warm }), 0);
  hosts.begin('b' as HostId, 'a' as CallId, 1);
  hosts.reach(false, 10);
  t.is(hosts.choose(program, 'shared', 0, 10), here);
  t.deepEqual(hosts.forgetSilent(9000), []);
  hosts.reach(true, 9000);
  t.deepEqual(hosts.forgetSilent(9000), []);
  t.is(hosts.choose(program, 'shared', 0, 9000), 'b' as HostId);
  t.deepEqual(hosts.forgetSilent(11_999), []);
  t.deepEqual(hosts.forgetSilent(12_000), ['a' as CallId]);
});
