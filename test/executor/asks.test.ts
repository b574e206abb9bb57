import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { AnsweredAsks, ThreadAsks } from '../../src/executor/asks.ts';
import { ada } from '../_contracts/executor.ts';

test('ask() gives what the service answers, or throws what it refuses', async (t) => {
  const answered = new AnsweredAsks(async (service, op, user, body) => {
    if (service === 'none') throw new FaasmError('no_responders', 'nobody', { details: { component: 'x' } });
    return [service, op, user, body];
  });
  const { ask } = new ThreadAsks(answered.end);
  t.deepEqual(await ask('state', 'read', ada, { key: 'k' }), ['state', 'read', ada, { key: 'k' }]);
  const refused = await t.throwsAsync<FaasmError>(ask('none', 'read', ada, undefined));
  t.deepEqual(
    [refused?.code, refused?.message, refused?.details.component],
    ['no_responders', 'nobody', 'x'],
  );
  answered.close();
});

test('close() asks what was asked before it, and nothing after', async (t) => {
  const asked: string[] = [];
  const answered = new AnsweredAsks(async (_service, op) => {
    asked.push(op);
  });
  const { ask } = new ThreadAsks(answered.end);
  for (const op of ['lock', 'unlock']) void ask('state', op, ada, undefined);
  answered.close();
  t.deepEqual(asked, ['lock', 'unlock']);
  void ask('state', 'late', ada, undefined);
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.deepEqual(asked, ['lock', 'unlock']);
});
