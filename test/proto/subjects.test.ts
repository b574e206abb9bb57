import test from 'ava';
import { createControlSubjects } from '../../proto/control-subjects.ts';
import { toCallId, toFunctionName, toHostId, toStateKey, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { callIdOf } from '../call-ids.ts';

const ada = toUserName('ada');
const f = toFunctionName('f');
const host = toHostId('one');
const id = toCallId(callIdOf('ada', 'c'));
const open = createPublicSubjects();
const control = createControlSubjects();

test('public subjects have the user as a token', (t) => {
  const user = (subject: string, at: number) => t.is(subject.split('.')[at], 'ada', subject);
  for (const subject of [open.invoke(ada, f), open.async(ada, f), open.cancel(ada, id)]) user(subject, 2);
  for (const subject of [
    open.calls('status', ada, id),
    open.state('get', ada, toStateKey('k')),
    open.functions('upload', ada, f),
    open.files('list', ada, '*'),
    open.callEvents(ada),
  ])
    user(subject, 3);
});

test('isEvent() is of events alone', (t) => {
  t.true(open.isEvent(open.callEvents(ada)));
  t.true(open.isEvent('faasm.event.>'));
  for (const subject of [open.invoke(ada, f), 'faasm.events.x', 'faasm.event', 'other.event.x', '_INBOX.a'])
    t.false(open.isEvent(subject), subject);
});

test('control subjects are one subtree, and nothing else is in it', (t) => {
  for (const subject of [
    control.call(host),
    control.status('*'),
    control.instance(host),
    control.heard(host, '1'),
    control.functionChanged(host, ada, f),
    control.fileChanged(host, ada),
    'faasm.host.>',
  ]) {
    t.true(subject.startsWith('faasm.host.'), subject);
    t.true(control.includes(subject), subject);
  }
  for (const subject of [
    open.invoke(ada, f),
    open.callEvents(ada),
    'faasm.host',
    'faasm.hosts.x',
    'host.x',
    '>',
  ])
    t.false(control.includes(subject), subject);
});

test('private subjects are none of the others', (t) => {
  for (const subject of [privateSubjects.admit(), privateSubjects.ask('state', 'lock', ada)])
    t.true(subject.startsWith('private.'), subject);
});
