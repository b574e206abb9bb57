/** What a command does, or says, so that people get on where something went wrong. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type FakeAnswer, faasm, startFakeHost } from './_faasm.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-remedies-'));
await writeFile(join(folder, 'words.py'), 'print(1)');
test.after.always(() => rm(folder, { recursive: true, force: true }));

const problem = (status: number, code: string, detail: string): FakeAnswer => ({
  status,
  headers: { 'Content-Type': 'application/problem+json' },
  body: JSON.stringify({ status, code, detail }),
});
const done: FakeAnswer = { status: 204 };
const list = (value: unknown): FakeAnswer => ({ status: 200, body: JSON.stringify(value) });

const runtime = 'GET /f/me/python';
const script = '/file/me/functions/words/words.py';
const deployed = 'PUT /f/me/words';
const deploy = ['deploy', 'me/words', 'words.py', '--runtime', 'python'];

async function run(t: { is(left: unknown, right: unknown): void }, args: readonly string[], routes: object) {
  await using host = await startFakeHost(new Map(Object.entries(routes)));
  const { status, stderr } = await faasm(args, { environment: { FAASM_URL: host.url }, folder });
  t.is(status, 1);
  return { stderr, asked: host.seen.map(({ method, path }) => `${method} ${path}`) };
}

test('faasm deploy puts no script whose runtime is not there', async (t) => {
  const { asked, stderr } = await run(t, deploy, {
    [runtime]: problem(404, 'not_found', 'There is no function me/python'),
  });
  t.deepEqual(asked, [runtime]);
  t.regex(stderr, /There is no runtime me\/python/);
});

test('faasm deploy takes back a new script whose function is refused', async (t) => {
  const { asked } = await run(t, deploy, {
    [runtime]: list({}),
    [`PUT ${script}`]: done,
    [deployed]: problem(415, 'unsupported_module', 'no'),
    [`DELETE ${script}`]: done,
  });
  t.deepEqual(asked, [runtime, `PUT ${script}`, deployed, `DELETE ${script}`]);
});

test('faasm deploy leaves a script there that was there before', async (t) => {
  await using host = await startFakeHost((res) => {
    const { method, url, headers } = res.req;
    if (method === 'PUT' && url === '/f/me/words') res.writeHead(415).end();
    else
      res
        .writeHead(headers['if-none-match'] === '*' ? 412 : 200)
        .end(headers['if-none-match'] ? exists : '{}');
    asked.push(`${method} ${url}`);
  });
  const exists = problem(412, 'precondition_failed', 'it is there').body;
  const asked: string[] = [];
  const { status } = await faasm(deploy, { environment: { FAASM_URL: host.url }, folder });
  t.is(status, 1);
  t.deepEqual(asked, [runtime, `PUT ${script}`, `PUT ${script}`, deployed]);
});

test('faasm file rm of a folder says how folders are deleted', async (t) => {
  const missing = problem(404, 'not_found', 'There is no file "lib"');
  const { stderr } = await run(t, ['file', 'rm', 'demo/lib'], {
    'DELETE /file/demo/lib': missing,
    'GET /file/demo/lib/': list([{ path: 'lib/a', version: 'v', sizeBytes: 1 }]),
  });
  t.regex(stderr, /demo\/lib is a folder; faasm file rm demo\/lib\/ deletes all that is in it/);
  const other = await run(t, ['file', 'rm', 'demo/lib'], {
    'DELETE /file/demo/lib': missing,
    'GET /file/demo/lib/': list([]),
  });
  t.regex(other.stderr, /There is no file "lib"/);
});

test('faasm functions copy of a place without functions ends with 1 and says so', async (t) => {
  const from = join(folder, 'nothing');
  const { status, stderr } = await faasm(['functions', 'copy', '--from', from, '--to', join(folder, 'to')]);
  t.is(status, 1);
  t.is(stderr, `faasm: There are no functions at ${from}\n`);
});
