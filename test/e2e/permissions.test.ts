/**
 * What clients may say and hear: what is said inside a host is not there for them, and a NATS system keeps users to
 * their own subjects, and out of what hosts say to each other, by a line for each kind of subject.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import test from 'ava';
import { encode } from 'msgpackr';
import { connect } from 'nats';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { startNatsServer } from '../_servers/nats-server.ts';
import { guests, startTestHost, wasm } from './_host.ts';

/** Hosts may everything; whoever else is there is one user, or watches. */
const config = `authorization { users: [
  { user: host, password: x }
  { user: ada, password: x, permissions: {
    publish: [
      "faasm.invoke.ada.>", "faasm.async.ada.>", "faasm.calls.*.ada.>", "faasm.cancel.ada.>",
      "faasm.functions.*.ada.>", "faasm.state.*.ada.>", "faasm.files.*.ada.>"
    ],
    subscribe: ["_INBOX.>", "faasm.event.*.ada"]
  } }
  { user: guard, password: x, permissions: {
    publish: { deny: ["faasm.host.>", "faasm.event.>"] }, subscribe: { deny: "faasm.host.>" }
  } }
] }`;

/** Those of this process, where the host is too. */
function countMemfds(): number {
  const linked = (fd: string): string => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  };
  return readdirSync('/proc/self/fd').filter((fd) => linked(fd).startsWith('/memfd:')).length;
}

for (const isEmbedded of [true, false]) {
  const way = isEmbedded ? "the host's own listener" : 'a nats-server';
  test.serial(`nobody hears a client who says what is said inside a host, over ${way}`, async (t) => {
    await using server = isEmbedded ? undefined : await startNatsServer();
    await using at = await startTestHost(server && { NATS_URL: server.url });
    await at.put('ada/echo', guests.echo);
    const nats = await connect({ port: server?.port ?? at.host.natsPort! });
    t.teardown(() => nats.close());
    await nats.request('faasm.invoke.ada.echo', 'warm', { timeout: 20_000 });
    const memfds = countMemfds();
    for (const subject of [
      ...Array.from({ length: 20 }, () => 'faasm.functions.program.ada.echo'),
      'faasm.executor.gone',
      'faasm.initialize.one',
      'faasm.files.index.ada._',
      'faasm.objects.get.ada',
      'faasm.state.lock.ada.k',
      'faasm.state.open.ada.k',
      privateSubjects.program(),
      privateSubjects.admit(),
      privateSubjects.run(),
      privateSubjects.executorGone(),
    ]) {
      const asked = nats.request(subject, encode({ owner: 'x', user: 'ada', name: 'echo' }), {
        timeout: 20_000,
      });
      await t.throwsAsync(asked, { message: /no responders/ }, subject);
    }
    t.true(countMemfds() <= memfds);
  });
}

test.serial('a user of a NATS system does all of its own, and hears of nobody else', async (t) => {
  await using server = await startNatsServer({ config });
  const asUser = (user: string) => ({ servers: `127.0.0.1:${server.port}`, user, pass: 'x' });
  await using at = await startTestHost({ NATS_URL: server.url, NATS_USER: 'host', NATS_PASSWORD: 'x' });
  await at.put('eve/echo', guests.echo);
  const nats = await connect(asUser('ada'));
  t.teardown(() => nats.close());
  const heard: string[] = [];
  nats.subscribe('faasm.event.calls.ada', { callback: (_, { subject }) => void heard.push(subject) });
  const ask = async (subject: string, body: string | Uint8Array = '') => {
    const answer = await nats.request(`faasm.${subject}`, body, { timeout: 20_000 });
    t.is(answer.headers?.get('Faasm-Error') || undefined, undefined, subject);
    return answer.string();
  };
  await ask('functions.upload.ada.echo', wasm(guests.echo));
  await ask('functions.list.ada.any');
  t.is(await ask('invoke.ada.echo', 'hi'), 'hi');
  await ask('async.ada.echo', 'later');
  await ask('state.set.ada.k', 'value');
  t.is(await ask('state.get.ada.k'), 'value');
  await ask('state.list.ada.any');
  await ask('files.put.ada.f', 'file');
  t.is(await ask('files.get.ada.f'), 'file');
  await at.post('eve/echo', 'x');
  while (heard.length < 2) await ask('invoke.ada.echo', 'again');
  for (const subject of ['invoke.eve.echo', 'state.get.eve.k', 'functions.list.eve.any', 'cancel.eve.x'])
    await t.throwsAsync(ask(subject), { message: /Permissions Violation/i }, subject);
});

test.serial('a NATS system is closed to what hosts say to each other by one line', async (t) => {
  await using server = await startNatsServer({ config });
  await using at = await startTestHost({
    NATS_URL: server.url,
    NATS_USER: 'host',
    NATS_PASSWORD: 'x',
    FAASM_HOST_NAME: 'one',
  });
  await at.put('ada/echo', guests.echo);
  const guard = await connect({ servers: `127.0.0.1:${server.port}`, user: 'guard', pass: 'x' });
  t.teardown(() => guard.close());
  const heard: string[] = [];
  guard.subscribe('>', { callback: (_, { subject }) => void heard.push(subject) });
  await guard.flush();
  // A heartbeat comes each second, and a second function is told of.
  await at.put('ada/other', guests.echo);
  for (const subject of ['faasm.host.one.call', 'faasm.host.one.instance', 'faasm.event.calls.ada']) {
    const asked = guard.request(subject, '', { timeout: 20_000 });
    await t.throwsAsync(asked, { message: /Permissions Violation/i }, subject);
  }
  while (!heard.some((subject) => subject === 'faasm.event.calls.ada')) await at.post('ada/echo', 'x');
  t.deepEqual(
    heard.filter((subject) => subject.startsWith('faasm.host.')),
    [],
  );
});
