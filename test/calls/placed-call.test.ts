import test from 'ava';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import { fromPlaced, toPlaced } from '../../src/calls/placed-call.ts';
import { callIdOf } from '../call-ids.ts';

const user = toUserName('ada');
const id = callIdOf(user, 'c');
const input = new Uint8Array(0);
const call = { id, user, function: toFunctionName('f'), input, rootId: id, depth: 0, deadlineMs: 5000 };

test('a placed call has as long on a host whose clock is another', (t) => {
  const placed = toPlaced(call, 2000);
  t.is(fromPlaced(placed, 1_000_000).deadlineMs, 1_003_000);
  t.deepEqual(fromPlaced(placed, 2000), call);
});

test('a placed call that is late already has a deadline all the same', (t) => {
  t.is(fromPlaced(toPlaced(call, 9000), 9000).deadlineMs, 9001);
});
