import { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { openS3Bucket, partBytes, type S3Bucket } from '../../src/s3/bucket.ts';
import { createS3Client } from '../../src/s3/client.ts';
import { type S3Server, startS3Server } from '../_servers/s3-server.ts';
import { startS3rver } from '../_servers/s3rver.ts';
import { createRandom } from '../random.ts';

const strict = await startS3Server();
const ordinary = await startS3rver();
test.after.always(async () => {
  await strict.stop();
  await ordinary.stop();
});

type Server = Pick<S3Server, 'endpoint' | 'accessKey' | 'secretKey'>;
let prefixes = 0;

async function open(t: ExecutionContext, server: Server): Promise<S3Bucket> {
  const client = await createS3Client({ ...server, region: 'us-east-1' });
  t.teardown(() => client.destroy());
  return await openS3Bucket(client, 'test', `p${++prefixes}/`);
}

const random = createRandom(1);
const servers: readonly (readonly [string, Server])[] = [
  ['strict server', strict],
  ['s3rver', ordinary],
];

for (const [name, server] of servers) {
  test(`${name}: put(), get(), head(), delete()`, async (t) => {
    const bucket = await open(t, server);
    t.is(await bucket.get('a'), undefined);
    t.is(await bucket.head('a'), undefined);
    const bytes = random.bytes(300_000);
    const etag = await bucket.put('a', bytes);
    const found = await bucket.get('a');
    t.true(Buffer.from(found!.bytes).equals(bytes));
    t.is(found!.etag, etag);
    t.like(await bucket.head('a'), { sizeBytes: bytes.length, etag });
    await bucket.delete('a');
    await bucket.delete('a');
    t.is(await bucket.get('a'), undefined);
    await bucket.put('empty', new Uint8Array(0));
    t.is((await bucket.get('empty'))?.bytes.length, 0);
  });

  test(`${name}: get() of a range, and open() as a stream`, async (t) => {
    const bucket = await open(t, server);
    const bytes = random.bytes(100_000);
    await bucket.put('a', bytes);
    const found = await bucket.get('a', { offset: 10, length: 5 });
    t.deepEqual(Buffer.from(found!.bytes), Buffer.from(bytes.subarray(10, 15)));
    t.is(found!.sizeBytes, bytes.length);
    const { stream } = (await bucket.open('a'))!;
    t.true(Buffer.concat(await stream.toArray()).equals(bytes));
    await t.throwsAsync(bucket.get('a', { offset: 200_000, length: 1 }), { code: 'range_not_satisfiable' });
  });

  test(`${name}: putStream() of what fits into a part, and of what does not`, async (t) => {
    const bucket = await open(t, server);
    const small = random.bytes(1000);
    await bucket.putStream('small', Readable.from([small.subarray(0, 10), small.subarray(10)]));
    t.true(Buffer.from((await bucket.get('small'))!.bytes).equals(small));
    const large = Buffer.alloc(2 * partBytes + 5, 'abc');
    const pieces = Array.from({ length: 40 }, (_, at) =>
      large.subarray(at * 1_000_000, (at + 1) * 1_000_000),
    );
    await bucket.putStream('large', Readable.from(pieces.filter(({ length }) => length > 0)));
    t.true(Buffer.from((await bucket.get('large'))!.bytes).equals(large));
  });

  test(`${name}: putStream() that breaks off leaves what was there`, async (t) => {
    const bucket = await open(t, server);
    await bucket.put('a', Buffer.from('old'));
    const broken = (async function* () {
      yield Buffer.alloc(partBytes + 1);
      throw new Error('it broke off');
    })();
    await t.throwsAsync(bucket.putStream('a', broken), { message: /it broke off/ });
    t.is(Buffer.from((await bucket.get('a'))!.bytes).toString(), 'old');
  });

  test(`${name}: list() gives all objects below a prefix`, async (t) => {
    const bucket = await open(t, server);
    const keys = Array.from({ length: 25 }, (_, at) => `users/ada/f${String(at).padStart(2, '0')}.json`);
    for (const key of keys) await bucket.put(key, Buffer.from(key));
    await bucket.put('modules/x', Buffer.from('x'));
    const found = await bucket.list('users/');
    t.deepEqual(found.map(({ key }) => key).sort(), keys);
    t.is(found[0]?.etag, (await bucket.head(found[0]!.key))?.etag);
  });
}

test('put() and putStream() under a condition', async (t) => {
  await using server = await startS3Server();
  const bucket = await open(t, server);
  const refused = { code: 'precondition_failed' };
  const etag = await bucket.put('a', Buffer.from('1'), null);
  await t.throwsAsync(bucket.put('a', Buffer.from('2'), null), refused);
  await t.throwsAsync(bucket.putStream('a', Readable.from([Buffer.alloc(partBytes + 1)]), null), refused);
  await t.throwsAsync(bucket.put('a', Buffer.from('2'), '"other"'), refused);
  await bucket.put('a', Buffer.from('2'), etag);
  t.is(Buffer.from((await bucket.get('a'))!.bytes).toString(), '2');
  t.is(server.openUploads(), 0);
});

test('wrong credentials and a bucket that is not there are told apart', async (t) => {
  const wrongKey = await open(t, { ...strict, accessKey: 'nobody' });
  await t.throwsAsync(wrongKey.get('a'), {
    code: 'storage_unavailable',
    message: /correct FAASM_S3_ACCESS_KEY/,
  });
  const wrongSecret = await open(t, { ...strict, secretKey: 'wrong' });
  await t.throwsAsync(wrongSecret.put('a', Buffer.from('x')), { message: /correct FAASM_S3_SECRET_KEY/ });
  const client = await createS3Client({ ...strict, region: 'us-east-1' });
  t.teardown(() => client.destroy());
  const nowhere = await openS3Bucket(client, 'nowhere');
  await t.throwsAsync(nowhere.put('a', Buffer.from('x')), { message: /the bucket is not there/ });
});

test.serial(
  'a server that fails for a moment is asked again, one that goes on failing is not for ever',
  async (t) => {
    await using server = await startS3Server();
    const bucket = await open(t, server);
    server.failNext(2);
    await bucket.put('a', Buffer.from('kept'));
    server.failNext(1, 503);
    t.is(Buffer.from((await bucket.get('a'))!.bytes).toString(), 'kept');
    server.failNext(100);
    await t.throwsAsync(bucket.get('a'), { code: 'storage_unavailable' });
    server.failNext(0);
    await server.pause();
    await t.throwsAsync(bucket.get('a'), {
      code: 'storage_unavailable',
      message: /S3 at s3:\/\/test\/.*ECONNREFUSED/,
    });
  },
);

test('an answer that breaks off is an error, not a short object', async (t) => {
  await using server = await startS3Server();
  const bucket = await open(t, server);
  await bucket.put('a', Buffer.alloc(100_000));
  server.breakNext();
  await t.throwsAsync(bucket.get('a'), { code: 'storage_unavailable' });
  server.breakNext();
  const { stream } = (await bucket.open('a'))!;
  await t.throwsAsync(stream.toArray());
});
