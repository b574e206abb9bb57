/** What the calls of one user may take from those of another. */
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import test from 'ava';
import { guests, startTestHost } from './_host.ts';

if (process.platform === 'linux') {
  test('an executor that computes for long gives way to the other threads of its host', async (t) => {
    await using at = await startTestHost();
    await at.put('eve/loop', guests.loop);
    const leaving = new AbortController();
    const { signal } = leaving;
    const late = fetch(`${at.url}/f/eve/loop`, { method: 'POST', signal }).catch(() => {});
    const demoted = Math.min(getPriority() + 10, 19);
    while (!threadNices().includes(demoted)) await new Promise((resolve) => setTimeout(resolve, 10));
    t.true(threadNices().includes(getPriority()));
    leaving.abort();
    await late;
  });
}

/** Of all threads of this process: the 19th field, as `/proc` has it (proc_pid_stat(5)). */
function threadNices(): number[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
      return [Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}
