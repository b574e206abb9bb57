import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openS3Bucket } from '../../src/s3/bucket.ts';
import { createS3Client } from '../../src/s3/client.ts';
import { openFolderBlobs } from '../../src/storage/folder-blobs.ts';
import { createNatsBlobs } from '../../src/storage/nats-blobs.ts';
import { createS3Blobs } from '../../src/storage/s3-blobs.ts';
import { type BlobsUnderTest, blobsContract } from '../_contracts/blobs.ts';
import { functionStoreContract } from '../_contracts/function-store.ts';
import { startNatsServer } from '../_servers/nats-server.ts';
import { type S3Server, startS3Server } from '../_servers/s3-server.ts';
import { startS3rver } from '../_servers/s3rver.ts';

const nats = await startNatsServer({ jetstream: true });
const strict = await startS3Server();
const ordinary = await startS3rver();
test.after.always(async () => {
  await nats.stop();
  await strict.stop();
  await ordinary.stop();
});

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-blobs-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

let started = 0;

async function inS3(t: ExecutionContext, server: Pick<S3Server, 'endpoint' | 'accessKey' | 'secretKey'>) {
  const client = await createS3Client({ ...server, region: 'us-east-1' });
  t.teardown(() => client.destroy());
  const prefix = `p${++started}/`;
  return {
    open: async () => createS3Blobs(await openS3Bucket(client, 'test', prefix), `s3://test/${prefix}`),
  };
}

const places: readonly {
  readonly name: string;
  readonly conditions?: false;
  start(t: ExecutionContext): Promise<BlobsUnderTest>;
}[] = [
  {
    name: 'folder',
    async start(t) {
      const folder = await temporaryFolder(t);
      return { open: () => openFolderBlobs(folder) };
    },
  },
  { name: 'S3', start: (t) => inS3(t, strict) },
  { name: 's3rver', conditions: false, start: (t) => inS3(t, ordinary) },
  {
    name: 'NATS',
    async start() {
      const bucket = `b${++started}`;
      return { open: async () => createNatsBlobs({ url: nats.url }, bucket) };
    },
  },
];
for (const { name, start, ...options } of places) {
  blobsContract(test, name, start, options);
  functionStoreContract(
    test,
    `functions in ${name}`,
    async (t) => {
      const { open } = await start(t);
      return [await open(), await open()];
    },
    options,
  );
}

test('folder: a draft and a lock that a crash left are no blobs, and an old lock stops nobody', async (t) => {
  const folder = await temporaryFolder(t);
  const blobs = await openFolderBlobs(folder);
  await blobs.put('a', Buffer.from('1'));
  await writeFile(join(folder, 'x.draft'), '');
  await writeFile(join(folder, 'a.lock'), '');
  await utimes(join(folder, 'a.lock'), 0, 0);
  t.deepEqual(
    (await blobs.list('')).map(({ name }) => name),
    ['a'],
  );
  const found = await blobs.get('a');
  await blobs.put('a', Buffer.from('2'), found!.tag);
  t.deepEqual((await readdir(folder)).sort(), ['a', 'x.draft']);
});

test('NATS: a server that is not there is said, and found when it is', async (t) => {
  const first = await startNatsServer({ jetstream: true });
  await first.stop();
  const blobs = createNatsBlobs({ url: first.url }, 'late');
  t.teardown(() => blobs.close());
  await t.throwsAsync(blobs.get('a'), {
    code: 'storage_unavailable',
    message: /late\/a: Cannot connect to NATS/,
  });
  await using _again = await startNatsServer({ jetstream: true, port: first.port });
  t.is(await blobs.get('a'), undefined);
});

test('NATS: hosts that make one bucket at once all have it', async (t) => {
  const stores = Array.from({ length: 8 }, () => createNatsBlobs({ url: nats.url }, 'made-at-once'));
  t.teardown(() => Promise.all(stores.map((store) => store.close())));
  const found = await Promise.all(stores.map((store) => store.get('a')));
  t.deepEqual(
    found,
    stores.map(() => undefined),
  );
});

test('NATS: a server without JetStream is said', async (t) => {
  await using plain = await startNatsServer();
  const blobs = createNatsBlobs({ url: plain.url }, 'b');
  t.teardown(() => blobs.close());
  await t.throwsAsync(blobs.get('a'), { code: 'storage_unavailable' });
});
