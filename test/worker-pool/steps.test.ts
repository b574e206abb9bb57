import test from 'ava';
import { toUserName } from '../../proto/names.ts';
import { loadConfig } from '../../src/config/config.ts';
import { nodePowers } from '../../src/power/node.ts';
import { createPoolState } from '../../src/worker-pool/state.ts';
import { Steps, type StepsOptions } from '../../src/worker-pool/steps.ts';
import { callIdOf } from '../call-ids.ts';
import { noLog } from '../state/host.ts';

const user = toUserName('ada');
const [parent, child] = [callIdOf(user, 'parent'), callIdOf(user, 'child')];
const limits = { ...loadConfig().pool.limits, executorsMax: 2, executorsSpare: 2, isolatedExecutorsMax: 1 };

test('a call that ends cancels one that is about to be given to another executor', (t) => {
  const done: string[] = [];
  const calls = new Map([parent, child].map((id) => [id, { call: { id }, executor: undefined }]));
  const executor = (id: number) => ({
    run: ({ id: call }: { id: string }) => done.push(`${id} runs ${call}`),
    withdraw: (ids: readonly string[]) => ids,
    cancel: () => {},
  });
  const options = {
    powers: nodePowers,
    state: createPoolState(limits),
    jobs: {
      get: (id: typeof parent) => calls.get(id),
      finish(id: typeof parent, { error }: { error: { code: string } }) {
        if (calls.delete(id)) done.push(`${id} ends: ${error.code}`);
      },
    },
    chained: {
      pending: 0,
      abandoned: () => steps.take({ type: 'cancel', id: child, nowMs: 0 }),
    },
    executors: { start() {}, samples: () => [], get: executor },
    progress: {},
    log: noLog,
  };
  const steps = new Steps(options as unknown as StepsOptions);
  t.teardown(() => steps.stop());
  steps.look();
  for (const id of [1, 2]) steps.take({ type: 'ready', executor: id, nowMs: 0 });
  for (const id of [parent, child]) {
    const work = {
      id,
      user,
      name: 'ada/f',
      version: 'f',
      deadlineMs: 1e15,
      root: parent,
      chained: id === child,
    };
    steps.take({ type: 'call', nowMs: 0, work });
  }
  const [first] = done[0]!.split(' ');
  t.deepEqual(done.splice(0), [`${first} runs ${parent}`, `${first} runs ${child}`]);
  const gone = { executor: Number(first), why: 'it died', exhausted: undefined, notBegun: [child] };
  steps.take({ type: 'gone', ...gone, nowMs: 0 });
  t.deepEqual(done, [
    `${parent} ends: executor_lost`,
    `${3 - Number(first)} runs ${child}`,
    `${child} ends: cancelled`,
  ]);
});
