/** What other hosts tell is believed of what its subject says, and of nothing else. */
import test from 'ava';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { type FunctionName, toFunctionName, toHostId, toUserName, type UserName } from '../../proto/names.ts';
import { type BusMessage, Encodable } from '../../src/bus/port.ts';
import { functionChangedCodec, readFunctionChanged } from '../../src/functions/messages.ts';
import { hostStatusCodec, readHostStatus } from '../../src/scheduler/messages.ts';
import { status } from '../scheduler/_status.ts';

const control = createControlSubjects();
const here = toHostId('here');
const ada = toUserName('ada');
const f = toFunctionName('f');
const change = { user: ada, name: f, version: 'a'.repeat(64), revision: 1, store: 's' };

function message<T>(subject: string, body: Encodable<T>): BusMessage {
  return { subject, reply: undefined, headers: undefined, body: body.bytes };
}

test('readHostStatus() takes a heartbeat of the host whose subject it came on alone', (t) => {
  const heartbeat = new Encodable(status('here'), hostStatusCodec);
  t.is(readHostStatus(message(control.status(here), heartbeat)).host, here);
  const forged = message(control.status(toHostId('eve')), heartbeat);
  t.throws(() => readHostStatus(forged), { code: 'bad_message' });
});

const told = test.macro({
  title: (_, user: string, name: string) => `readFunctionChanged() believes nothing of ${user}/${name}`,
  exec(t, user: string, name: string) {
    const subject = control.functionChanged(here, user as UserName, name as FunctionName);
    const forged = message(subject, new Encodable(change, functionChangedCodec));
    t.throws(() => readFunctionChanged(forged), { code: 'bad_message' });
  },
});
test(told, 'eve', 'f');
test(told, 'ada', 'g');

test('readFunctionChanged() takes a change of the function whose subject it came on', (t) => {
  const subject = control.functionChanged(here, ada, f);
  t.deepEqual(readFunctionChanged(message(subject, new Encodable(change, functionChangedCodec))), change);
});
