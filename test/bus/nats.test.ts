import test from 'ava';
import { nkeys } from 'nats';
import { FaasmError } from '../../proto/errors.ts';
import { connectNatsBus } from '../../src/bus/nats.ts';
import { emptyBody, respond, toBytes } from '../../src/bus/port.ts';
import { busContract } from '../_contracts/bus.ts';
import { type NatsServer, startNatsServer } from '../_servers/nats-server.ts';

let server: NatsServer;
test.before(async () => {
  server = await startNatsServer();
});
test.after.always(() => server.stop());

/** One after the other: they share the server and its subjects. */
busContract(test.serial as typeof test, 'nats, one connection', 'one bus', async () => {
  const errors: unknown[] = [];
  const bus = await connectNatsBus({ url: server.url, onError: (error) => errors.push(error) });
  return { bus, other: bus, errors, close: () => bus.close() };
});

busContract(test.serial as typeof test, 'nats, two connections', 'two buses', async () => {
  const errors: unknown[] = [];
  const bus = await connectNatsBus({ url: server.url });
  const other = await connectNatsBus({ url: server.url, onError: (error) => errors.push(error) });
  const close = async () => {
    await bus.close();
    await other.close();
  };
  return { bus, other, errors, close };
});

test('connectNatsBus() reads the largest payload from the server', async (t) => {
  await using small = await startNatsServer({ config: 'max_payload: 2048' });
  const bus = await connectNatsBus({ url: small.url });
  t.is(bus.maxPayloadBytes, 2048);
  t.throws(() => bus.publish('a', new Uint8Array(2049)), { instanceOf: FaasmError });
  await bus.close();
});

test('connectNatsBus() names the server that it cannot reach, and no password', async (t) => {
  const gone = await startNatsServer();
  await gone.stop();
  const url = `nats://user:secret@127.0.0.1:${gone.port}`;
  const error = await t.throwsAsync(connectNatsBus({ url }), { instanceOf: FaasmError });
  t.is(error?.code, 'no_responders');
  t.true(error!.message.includes(`nats://127.0.0.1:${gone.port}`), error!.message);
  t.false(error!.message.includes('secret'));
});

const user = nkeys.createUser();

const credentials = test.macro({
  title: (_, name: string) => `connectNatsBus() takes ${name}`,
  async exec(t, _: string, config: string, right: object, wrong: object) {
    await using guarded = await startNatsServer({ config });
    const bus = await connectNatsBus({ url: guarded.url, ...right });
    bus.subscribe('a', (message) => respond(bus, message, message.body));
    t.is(Buffer.from(toBytes((await bus.request('a', Buffer.from('x'))).body)).toString(), 'x');
    await bus.close();
    const error = await t.throwsAsync(connectNatsBus({ url: guarded.url, ...wrong }), {
      instanceOf: FaasmError,
    });
    t.is(error?.code, 'unauthorized', error?.message);
  },
});

test(credentials, 'a token', 'authorization { token: "t0k" }', { token: 't0k' }, { token: 'no' });
test(
  credentials,
  'user and password',
  'authorization { user: u, password: p }',
  { user: 'u', password: 'p' },
  { user: 'u', password: 'no' },
);
test(
  credentials,
  'an nkey',
  `authorization { users: [{ nkey: ${user.getPublicKey()} }] }`,
  { nkey: new TextDecoder().decode(user.getSeed()) },
  { user: 'u', password: 'no' },
);

test('connectNatsBus() fails a request at once that the server forbids', async (t) => {
  await using guarded = await startNatsServer({
    config: 'authorization { users: [{user: u, password: p, permissions: {publish: ["ok.>", "_INBOX.>"]}}] }',
  });
  const errors: unknown[] = [];
  const bus = await connectNatsBus({
    url: guarded.url,
    user: 'u',
    password: 'p',
    onError: (error) => errors.push(error),
  });
  const error = await t.throwsAsync(bus.request('forbidden.a', emptyBody, { timeoutMs: 0 }), {
    instanceOf: FaasmError,
  });
  t.is(error?.code, 'forbidden');
  t.is(errors.length, 1);
  await bus.close();
});

test('connectNatsBus() comes back after the server did, with its subscriptions and what was published', async (t) => {
  const first = await startNatsServer();
  const seen: string[] = [];
  const changes: (() => void)[] = [];
  const bus = await connectNatsBus({
    url: first.url,
    reconnectDelayMs: 20,
    onStatus: (status) => {
      seen.push(status);
      for (const changed of changes.splice(0)) changed();
    },
  });
  const until = async (status: string) => {
    while (seen.at(-1) !== status) await new Promise<void>((resolve) => changes.push(resolve));
  };
  bus.subscribe('echo', (message) => respond(bus, message, message.body));
  await bus.flush();
  t.deepEqual(seen, ['connected']);
  await first.stop();
  await until('reconnecting');
  t.is(seen[1], 'disconnected');
  const held = bus.request('echo', Buffer.from('held'), { timeoutMs: 0 });
  const large = new Uint8Array(1024 * 1024);
  const error = t.throws(
    () => {
      for (let at = 0; at < 17; at++) bus.publish('other', large);
    },
    { instanceOf: FaasmError },
  );
  t.is(error?.code, 'no_capacity');
  await using _second = await startNatsServer({ port: first.port });
  await until('connected');
  t.is(Buffer.from(toBytes((await held).body)).toString(), 'held');
  t.notThrows(() => bus.publish('other', large));
  await bus.close();
});

test('close() does not wait for a server that is gone', async (t) => {
  const gone = await startNatsServer();
  const lost = Promise.withResolvers<void>();
  const bus = await connectNatsBus({
    url: gone.url,
    onStatus: (status) => void (status === 'disconnected' && lost.resolve()),
  });
  await gone.stop();
  await lost.promise;
  const waiting = t.throwsAsync(bus.request('a', emptyBody, { timeoutMs: 0 }), { instanceOf: FaasmError });
  await bus.close();
  t.is((await waiting)?.code, 'draining');
});

test('connectNatsBus() names a credentials file that it cannot read', async (t) => {
  const error = await t.throwsAsync(connectNatsBus({ url: server.url, creds: '/nowhere/user.creds' }), {
    instanceOf: FaasmError,
  });
  t.is(error?.code, 'bad_request');
  t.true(error!.message.includes('/nowhere/user.creds'));
});
