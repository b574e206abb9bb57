import test from 'ava';
import { toAnnouncement, toPlaceJson } from '../../src/cli/banner.ts';

const place = {
  host: 'host-1',
  listen: '127.0.0.1',
  httpPorts: [8001, 8002],
  natsPort: 4222,
  natsUrl: '',
  prefix: 'faasm',
};

test('toAnnouncement() of a host names its ports', (t) => {
  const text = toAnnouncement(place, 1234);
  t.regex(
    text,
    /host-1 is ready, after 1\.2 s\n {2}invoke {9}http:\/\/localhost:8001\n.*http:\/\/localhost:8002\n/,
  );
  t.false(text.includes('Try:'));
});

test('toAnnouncement() of a host that is not ready says why', (t) => {
  const text = toAnnouncement(place, 1234, undefined, 'redis: not connected');
  t.regex(text, /^Faasm host host-1 is up and not ready yet: redis: not connected$/m);
  t.false(text.includes('is ready'));
});

test('toAnnouncement() shows lines for functions that are live', (t) => {
  const text = toAnnouncement(place, 0, { live: ['demo/echo', 'me/fn'], failed: ['demo/hello'] });
  t.regex(text, /functions {6}2 live\n {2}failed {9}demo\/hello\n/);
  t.true(text.includes("\n  curl -d 'any bytes' localhost:8001/f/demo/echo\n"));
  t.true(text.includes('\n  curl -X POST localhost:8001/f/me/fn\n'));
  t.true(text.includes('\n  nats req faasm.invoke.demo.echo hello\n'));
  t.false(text.includes('f/demo/hello'));
});

test('toAnnouncement() has lines of 80 columns', (t) => {
  const text = toAnnouncement({ ...place, httpPorts: [44_001, 44_002], natsPort: 44_222 }, 0, {
    live: ['demo/hello', 'demo/echo', 'demo/increment', 'me/fn'],
    failed: [],
  });
  t.deepEqual(
    text.split('\n').filter((line) => line.length > 80),
    [],
  );
});

test('toAnnouncement() shows the ports, the address and the prefix that the host has', (t) => {
  const elsewhere = { ...place, listen: '10.1.2.3', httpPorts: [1, 2], natsPort: 3, prefix: 'test' };
  const text = toAnnouncement(elsewhere, 0, { live: ['demo/echo'], failed: [] });
  t.true(text.includes(' 10.1.2.3:1/f/demo/echo\n'));
  t.true(text.includes(' nats -s nats://10.1.2.3:3 req test.invoke.demo.echo hello\n'));
  t.false(text.includes('8001'));
});

test('toPlaceJson() shows no password of a NATS server', (t) => {
  const natsUrl = 'nats://me:secret@one:4222,nats://token@two:4222';
  t.deepEqual(toPlaceJson({ ...place, natsPort: undefined, natsUrl, listen: '::1' }), {
    host: 'host-1',
    http: ['http://localhost:8001', 'http://localhost:8002'],
    nats: 'nats://one:4222,nats://two:4222',
  });
});
