/** Bodies with a Content-Encoding. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import test from 'ava';
import { respond, toBytes } from '../../src/bus/port.ts';
import { collect, startBridge, streamOf, subjects } from './_bridge.ts';

const body = Buffer.from('some text '.repeat(1000));

const unpacked = test.macro<[string, Uint8Array<ArrayBuffer>, string?]>({
  async exec(t, encoding, packed, path = '/f/demo/echo') {
    const { bus, fetch } = await startBridge(t);
    const called = collect(bus, subjects.invoke('*', '*'));
    const set = collect(bus, subjects.state('set', '*', '*'));
    for (const subject of [subjects.invoke('*', '*'), subjects.state('set', '*', '*')])
      bus.subscribe(subject, (message) => respond(bus, message, new Uint8Array(0)));
    const method = path.startsWith('/f/') ? 'POST' : 'PUT';
    const headers = { 'Content-Encoding': encoding };
    for (const sent of [packed, streamOf(packed.subarray(0, 9), packed.subarray(9))])
      t.true((await fetch(path, { method, body: sent, headers })).ok);
    t.deepEqual(
      [...called, ...set].map((message) => Buffer.from(toBytes(message.body)).equals(body)),
      [true, true],
    );
  },
  title: (_, encoding, __, path = '/f/') => `a body in ${encoding} is unpacked for ${path}`,
});

test(unpacked, 'gzip', new Uint8Array(gzipSync(body)));
test(unpacked, 'GZIP', new Uint8Array(gzipSync(body)));
test(unpacked, 'deflate', new Uint8Array(deflateSync(body)));
test(unpacked, 'br', new Uint8Array(brotliCompressSync(body)));
test(unpacked, 'identity', new Uint8Array(body));
test(unpacked, 'gzip', new Uint8Array(gzipSync(body)), '/s/demo/key');

const refused = test.macro<[string, string, Uint8Array<ArrayBuffer>, number, string]>({
  async exec(t, _, encoding, packed, status, code) {
    const { bus, fetch } = await startBridge(t, { inputMaxBytes: 20_000, stateMaxBytes: 20_000 });
    const called = collect(bus, subjects.invoke('*', '*'));
    const headers = { 'Content-Encoding': encoding };
    for (const [method, path] of [
      ['POST', '/f/demo/echo'],
      ['PUT', '/s/demo/key'],
    ]) {
      const answer = await fetch(path!, { method: method!, body: packed, headers });
      t.is(answer.status, status);
      t.like(await answer.json(), { code });
    }
    t.is(called.length, 0);
    t.is((await fetch('/healthz')).status, 200);
  },
  title: (_, name, __, ___, status) => `${name} is answered with ${status}`,
});

const bomb = gzipSync(Buffer.alloc(50_000_000));
test(refused, 'what unpacks to more than is taken', 'gzip', new Uint8Array(bomb), 413, 'too_large');
test(refused, 'an encoding that is not known', 'zip', new Uint8Array(9), 415, 'unsupported_encoding');
test(refused, 'two encodings', 'gzip, br', new Uint8Array(9), 415, 'unsupported_encoding');
test(refused, 'what is not packed as it says', 'gzip', new Uint8Array(body), 400, 'bad_request');
test(
  refused,
  'what is packed and cut off',
  'gzip',
  new Uint8Array(gzipSync(body).subarray(0, -9)),
  400,
  'bad_request',
);
