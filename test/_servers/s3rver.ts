/** The S3 server `s3rver` from npm, as an ordinary one: it knows no conditions and checks no checksum. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';

export interface OrdinaryS3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  stop(): Promise<void>;
}

export async function startS3rver(buckets: readonly string[] = ['test']): Promise<OrdinaryS3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-s3-'));
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: folder,
    configureBuckets: buckets.map((name) => ({ name, configs: [] })),
  });
  const { port } = await server.run();
  const stop = async (): Promise<void> => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  // As that server has them.
  const keys = { accessKey: 'S3RVER', secretKey: 'S3RVER' };
  return { endpoint: `http://127.0.0.1:${port}`, ...keys, stop, [Symbol.asyncDispose]: stop };
}
