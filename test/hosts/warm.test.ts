import test from 'ava';
import type { WarmChange } from '../../proto/messages.ts';
import { hearWarm, WarmReport } from '../../src/hosts/warm.ts';
import { createRandom } from '../random.ts';

test('WarmReport tells all at first, and then what changed', (t) => {
  const report = new WarmReport();
  t.deepEqual(report.next(['a', 'b']), { whole: true, added: ['a', 'b'], removed: [] });
  t.deepEqual(report.next(['b', 'c']), { whole: false, added: ['c'], removed: ['a'] });
  t.deepEqual(report.next(['b', 'c']), { whole: false, added: [], removed: [] });
});

test('hearWarm() knows what the host has, whenever it began to listen and whatever it missed, in a while', (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = createRandom(seed);
    const report = new WarmReport();
    const warm = new Set<string>();
    const always = new Set<string>();
    const sometimes = new Set<string>();
    let isExact = false;
    for (let beat = 0; beat < 100; beat++) {
      const program = String(random.below(20));
      if (!warm.delete(program)) warm.add(program);
      const change: WarmChange = report.next(warm);
      hearWarm(always, change);
      t.deepEqual([...always].sort(), [...warm].sort(), `seed ${seed}, beat ${beat}`);
      if (random.below(4) === 0) isExact = false;
      else {
        hearWarm(sometimes, change);
        isExact ||= change.whole;
        if (isExact) t.deepEqual([...sometimes].sort(), [...warm].sort(), `seed ${seed}, beat ${beat}`);
      }
    }
  }
});
