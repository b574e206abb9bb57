import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { callIdOf } from '../call-ids.ts';
import { type FakeAnswer, faasm, startFakeHost } from './_faasm.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-cli-'));
await writeFile(join(folder, 'input.bin'), Uint8Array.of(0, 255, 10, 13));
await writeFile(join(folder, 'fn.wasm'), Uint8Array.of(0, 97, 115, 109));
await writeFile(join(folder, 'empty'), '');
test.after.always(() => rm(folder, { recursive: true, force: true }));

interface Expected {
  readonly args: readonly string[];
  readonly stdin?: string | Uint8Array;
  readonly answer: FakeAnswer;
  readonly request: string;
  readonly requestBody?: string | Uint8Array;
  readonly requestHeaders?: Readonly<Record<string, string | undefined>>;
  readonly stdout: string | Uint8Array;
  readonly stderr?: RegExp;
}

const asks = test.macro(async (t, expected: Expected) => {
  await using host = await startFakeHost(expected.answer);
  const run = await faasm(expected.args, {
    environment: { FAASM_URL: host.url },
    folder,
    ...(expected.stdin !== undefined && { stdin: expected.stdin }),
  });
  t.regex(run.stderr, expected.stderr ?? /^$/);
  t.is(run.status, 0);
  t.deepEqual(run.stdout, Buffer.from(expected.stdout as Uint8Array));
  t.is(host.seen.length, 1);
  const { method, path, headers, body } = host.seen[0]!;
  t.is(`${method} ${path}`, expected.request);
  t.deepEqual(body, Buffer.from((expected.requestBody ?? '') as Uint8Array));
  for (const [name, value] of Object.entries(expected.requestHeaders ?? {})) t.is(headers[name], value, name);
});

const call1 = callIdOf('demo', 'call-1');
const output = (body: string | Uint8Array): FakeAnswer => ({
  status: 200,
  headers: { 'Faasm-Call-Id': call1 },
  body,
});
const json = (value: unknown): FakeAnswer => ({ status: 200, body: JSON.stringify(value) });

const live = 'ab'.repeat(32);
const description = {
  user: 'demo',
  name: 'echo',
  live,
  versions: [{ version: live, sizeBytes: 1234, uploadedAtMs: 1_700_000_000_000 }],
};
const callStatus = {
  id: call1,
  user: 'demo',
  function: 'echo',
  state: 'failed',
  attempts: 1,
  createdAtMs: 1_700_000_000_000,
  startedAtMs: 1_700_000_001_000,
  endedAtMs: null,
  returnValue: 3,
  error: { code: 'guest_returned', message: 'it returned 3', details: {} },
};

test('faasm invoke sends text and writes the output bytes as they are', asks, {
  args: ['invoke', 'demo/echo', '-d', 'some text'],
  answer: output(Uint8Array.of(0, 200, 10)),
  request: 'POST /f/demo/echo',
  requestBody: 'some text',
  requestHeaders: { 'content-length': '9', 'x-faasm-timeout': undefined },
  stdout: Uint8Array.of(0, 200, 10),
});

test('faasm invoke sends nothing where nothing is given', asks, {
  args: ['invoke', 'demo/hello'],
  answer: output('hello'),
  request: 'POST /f/demo/hello',
  requestHeaders: { 'content-length': '0' },
  stdout: 'hello',
});

test('faasm invoke sends a file', asks, {
  args: ['invoke', 'demo/echo', '--data', '@input.bin', '--timeout', '500ms'],
  answer: output(''),
  request: 'POST /f/demo/echo',
  requestBody: Uint8Array.of(0, 255, 10, 13),
  requestHeaders: { 'content-length': '4', 'x-faasm-timeout': '500ms' },
  stdout: '',
});

test('faasm invoke sends an empty file', asks, {
  args: ['invoke', 'demo/echo', '-d', '@empty'],
  answer: output('x'),
  request: 'POST /f/demo/echo',
  stdout: 'x',
});

test('faasm invoke sends standard input', asks, {
  args: ['invoke', 'demo/echo', '-'],
  stdin: Uint8Array.of(1, 0, 254),
  answer: output('x'),
  request: 'POST /f/demo/echo',
  requestBody: Uint8Array.of(1, 0, 254),
  stdout: 'x',
});

test('faasm invoke --async writes the id of the call', asks, {
  args: ['invoke', 'demo/echo', '--async', '-d', 'later'],
  answer: { status: 202, headers: { Location: '/calls/call-7' }, body: 'call-7' },
  request: 'POST /fa/demo/echo',
  requestBody: 'later',
  stdout: 'call-7\n',
});

test('faasm invoke --json writes text as text', asks, {
  args: ['invoke', 'demo/echo', '--json'],
  answer: output('grüße'),
  request: 'POST /f/demo/echo',
  stdout: `{"id":"${call1}","sizeBytes":7,"encoding":"utf8","data":"grüße"}\n`,
});

test('faasm invoke --json writes other bytes as base64', asks, {
  args: ['invoke', 'demo/echo', '--json'],
  answer: output(Uint8Array.of(255, 254)),
  request: 'POST /f/demo/echo',
  stdout: `{"id":"${call1}","sizeBytes":2,"encoding":"base64","data":"//4="}\n`,
});

test('faasm status tells of a call', asks, {
  args: ['status', call1],
  answer: json(callStatus),
  request: `GET /calls/${call1}`,
  stdout: [
    `call          ${call1}`,
    'function      demo/echo',
    'state         failed',
    'attempts      1',
    'created       2023-11-14T22:13:20Z',
    'started       2023-11-14T22:13:21Z',
    'return value  3',
    'error         it returned 3 (guest_returned)',
    '',
  ].join('\n'),
});

test('faasm status --json passes on what the host says', asks, {
  args: ['status', call1, '--json'],
  answer: json(callStatus),
  request: `GET /calls/${call1}`,
  stdout: `${JSON.stringify(callStatus)}\n`,
});

test('faasm status --output writes the output bytes', asks, {
  args: ['status', call1, '--output'],
  answer: output(Uint8Array.of(9, 0, 9)),
  request: `GET /calls/${call1}/output`,
  stdout: Uint8Array.of(9, 0, 9),
});

test('faasm deploy uploads a module', asks, {
  args: ['deploy', 'demo/echo', 'fn.wasm'],
  answer: json(description),
  request: 'PUT /f/demo/echo',
  requestBody: Uint8Array.of(0, 97, 115, 109),
  requestHeaders: { accept: 'application/json', 'content-length': '4' },
  stdout: 'demo/echo is live, version abababababab\n',
});

test('faasm deploy sends settings', asks, {
  args: [
    ...['deploy', 'demo/echo', 'fn.wasm', '--arg', 'a\nb', '--arg=-x'],
    ...['--env', 'K=v=é', '--env', 'E=', '--cwd', '/data/', '--argv0', 'ld', '--exit-codes', '1,0'],
  ],
  answer: json(description),
  request: 'PUT /f/demo/echo',
  requestBody: Uint8Array.of(0, 97, 115, 109),
  requestHeaders: {
    'x-faasm-settings':
      '{"argv0":"ld","args":["a\\nb","-x"],"env":{"K":"v=\\u00e9","E":""},"cwd":"/data","exitCodes":[0,1]}',
  },
  stdout: 'demo/echo is live, version abababababab\n',
});

test('faasm invoke sends arguments and environment', asks, {
  args: ['invoke', 'demo/echo', '--env', 'K=v', '--', '-d', 'x'],
  answer: output('out'),
  request: 'POST /f/demo/echo',
  requestHeaders: { 'x-faasm-settings': '{"args":["-d","x"],"env":{"K":"v"}}' },
  stdout: 'out',
});

test('faasm ls lists functions', asks, {
  args: ['ls', 'demo'],
  answer: json([description]),
  request: 'GET /f/demo',
  stdout: [
    'FUNCTION   VERSION       BYTES  UPLOADED              VERSIONS',
    'demo/echo  abababababab  1234   2023-11-14T22:13:20Z  1',
    '',
  ].join('\n'),
});

test('faasm ls --json passes on what the host says', asks, {
  args: ['ls', 'demo', '--json'],
  answer: json([description]),
  request: 'GET /f/demo',
  stdout: `${JSON.stringify([description])}\n`,
});

test('faasm rm deletes a function', asks, {
  args: ['rm', 'demo/echo'],
  answer: { status: 204 },
  request: 'DELETE /f/demo/echo',
  stdout: '',
  stderr: /^demo\/echo is deleted\n$/,
});

test('faasm state get writes the bytes of the value', asks, {
  args: ['state', 'get', 'demo/count'],
  answer: output(Uint8Array.of(0, 1, 128)),
  request: 'GET /s/demo/count',
  stdout: Uint8Array.of(0, 1, 128),
});

test('faasm state get takes a key of any characters', asks, {
  args: ['state', 'get', 'demo/a/b?c%#ü ..'],
  answer: output('v'),
  request: 'GET /s/demo/a%2Fb%3Fc%25%23%C3%BC%20..',
  stdout: 'v',
});

test('faasm state put writes text', asks, {
  args: ['state', 'put', 'demo/count', '-d', '007'],
  answer: { status: 204, headers: { ETag: '"1"' } },
  request: 'PUT /s/demo/count',
  requestBody: '007',
  stdout: '',
});

test('faasm state put writes a file', asks, {
  args: ['state', 'put', 'demo/count', '--file', 'input.bin', '--json'],
  answer: { status: 204, headers: { ETag: '"1"' } },
  request: 'PUT /s/demo/count',
  requestBody: Uint8Array.of(0, 255, 10, 13),
  stdout: '{"written":"demo/count","etag":"\\"1\\""}\n',
});

test('faasm state put writes standard input', asks, {
  args: ['state', 'put', 'demo/count', '-'],
  stdin: 'from a pipe',
  answer: { status: 204 },
  request: 'PUT /s/demo/count',
  requestBody: 'from a pipe',
  stdout: '',
});

test('faasm state rm deletes a value', asks, {
  args: ['state', 'rm', 'demo/count', '--json'],
  answer: { status: 204 },
  request: 'DELETE /s/demo/count',
  stdout: '{"deleted":"demo/count"}\n',
});

test('faasm state ls lists values, and shows a key that is not printable escaped', asks, {
  args: ['state', 'ls', 'demo'],
  answer: json([
    { key: 'a/b', path: '/s/demo/a%2Fb', sizeBytes: 12, version: 3 },
    { key: '\u001b[2J', path: '/s/demo/%1B%5B2J', sizeBytes: 1, version: 1 },
    { key: null, path: '/s/demo/%FF', sizeBytes: 0, version: 20 },
  ]),
  request: 'GET /s/demo',
  stdout: [
    'KEY       BYTES  VERSION',
    'a/b       12     3',
    '%1B%5B2J  1      1',
    '%FF       0      20',
    '',
  ].join('\n'),
});

test('faasm --url counts before FAASM_URL and may have a path', async (t) => {
  await using host = await startFakeHost(output('x'));
  const run = await faasm(['invoke', 'demo/echo', '--url', `${host.url}/below/`], {
    environment: { FAASM_URL: 'http://127.0.0.1:9' },
  });
  t.is(run.status, 0);
  t.is(host.seen[0]!.path, '/below/f/demo/echo');
});

test('faasm invoke sends 3 MB of standard input and writes 3 MB', async (t) => {
  const large = Buffer.alloc(3_000_000, 'faasm ');
  await using host = await startFakeHost(output(large));
  const run = await faasm(['invoke', 'demo/echo', '-'], {
    environment: { FAASM_URL: host.url },
    stdin: large,
  });
  t.is(run.status, 0);
  t.true(run.stdout.equals(large));
  t.true(host.seen[0]!.body.equals(large));
});
