/** Calls over many crashes: what `decide` and the queue say together, with a host that dies at any moment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { CallId } from '../../proto/names.ts';
import { type BegunAttempt, BegunMarks, forgetBegun, readBegun } from '../../src/calls/begun-marks.ts';
import { type CallsEffect, createCallsState, decide } from '../../src/calls/decide.ts';
import { openSqliteCallQueue } from '../../src/calls/sqlite-queue.ts';
import { newCall } from '../_contracts/call-queue.ts';
import { createRandom } from '../random.ts';

const folder = mkdtempSync(join(tmpdir(), 'faasm-crashes-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const limits = {
  runningMax: 6,
  queuedPerUserMax: 1000,
  queuedMax: 1000,
  attemptsMax: 3,
  retryMs: 1,
  retryMaxMs: 1,
};
const poisons = new Set(['call-3', 'call-17']);

for (const seed of [31, 32, 33]) {
  test(`a call that ends the host is dead after its attempts, and no other one is (seed ${seed})`, async (t) => {
    const random = createRandom(seed);
    const marksFolder = join(folder, `begun-${seed}`);
    const queue = await openSqliteCallQueue(join(folder, `${seed}.db`));
    t.teardown(() => queue.close());
    for (let at = 0; at < 30; at++) await queue.enqueue(newCall(`call-${at}`, { createdAtMs: at }));
    const begun = new Map<CallId, number>();
    const ended = new Map<CallId, string>();
    let crashes = 0;

    while (ended.size < 30) {
      const state = createCallsState(limits);
      const calls = await queue.recover(await readBegun(marksFolder));
      await forgetBegun(marksFolder);
      const marks = new BegunMarks(marksFolder, 0);
      const claimed: BegunAttempt[] = [];
      const perform = async (effects: readonly CallsEffect[]): Promise<void> => {
        for (const effect of effects) {
          if (effect.type === 'finish') {
            ended.set(effect.id, effect.state);
            const { state: how, error = null } = effect;
            const output = new Uint8Array(0);
            await queue.finish(effect.id, { state: how, output, returnValue: 0, error, endedAtMs: 1 });
          } else if (effect.type === 'run') {
            const attempt = await queue.claim(effect.id, 1);
            claimed.push({ id: effect.id, attempt: attempt!.attempts });
          }
        }
      };
      await perform(decide(state, { type: 'recovered', calls, nowMs: 100 }));
      // One executor: of those that are claimed one begins after the other, in any order.
      for (let isAlive = true; isAlive && claimed.length > 0; ) {
        isAlive = random.below(12) > 0;
        if (!isAlive) break;
        const [one] = claimed.splice(random.below(claimed.length), 1) as [BegunAttempt];
        begun.set(one.id, (begun.get(one.id) ?? 0) + 1);
        marks.mark(random.below(4), one);
        if (poisons.has(one.id)) break;
        await perform(
          decide(state, { type: 'ended', id: one.id, attempts: one.attempt, error: undefined, nowMs: 100 }),
        );
      }
      if (++crashes > 500) break;
    }

    t.is(ended.size, 30);
    for (const [id, how] of ended) {
      t.is(how, poisons.has(id) ? 'dead' : 'succeeded', id);
      t.is(begun.get(id), poisons.has(id) ? limits.attemptsMax : 1, id);
    }
  });
}
