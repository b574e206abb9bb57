import test from 'ava';
import { freePort } from '../../bench/processes.ts';
import { type FakeAnswer, faasm, startFakeHost } from './_faasm.ts';

const problem = (status: number, document: object): FakeAnswer => ({
  status,
  headers: { 'Content-Type': 'application/problem+json' },
  body: JSON.stringify({ status, instance: 'req-1', ...document }),
});

const trapped = problem(500, {
  code: 'guest_trapped',
  detail: 'demo/errors trapped: divide by zero',
  trap: 'divide by zero',
  backtrace: 'at divide\nat exec',
  stderr: 'last words\u001b[2J\nbye\n',
});

const fails = test.macro(async (t, args: readonly string[], answer: FakeAnswer, stderr: string | RegExp) => {
  await using host = await startFakeHost(answer);
  const run = await faasm(args, { environment: { FAASM_URL: host.url } });
  t.is(run.status, 1);
  t.is(run.stdout.toString(), '');
  const said = run.stderr.replaceAll(host.url, 'URL');
  if (typeof stderr === 'string') t.is(said, stderr);
  else t.regex(said, stderr);
});

test(
  'faasm: a failed call is told with trap, backtrace and stderr, and drives no terminal',
  fails,
  ['invoke', 'demo/errors'],
  trapped,
  [
    'faasm: demo/errors trapped: divide by zero (guest_trapped, request req-1)',
    '  trap: divide by zero',
    '  backtrace:',
    '    at divide',
    '    at exec',
    '  stderr:',
    '    last words?[2J',
    '    bye',
    '',
  ].join('\n'),
);

test(
  'faasm: a return value is told',
  fails,
  ['invoke', 'demo/errors'],
  problem(500, {
    code: 'guest_returned',
    detail: 'demo/errors returned 3',
    returnValue: 3,
    droppedChains: 2,
  }),
  'faasm: demo/errors returned 3 (guest_returned, request req-1)\n  return value: 3\n  chained calls not made: 2\n',
);

test(
  'faasm: when to try again is told',
  fails,
  ['invoke', 'demo/echo'],
  { ...problem(429, { code: 'too_many_requests', detail: 'too many' }), headers: { 'Retry-After': '2' } },
  'faasm: too many (too_many_requests, request req-1)\n  try again in 2000 ms\n',
);

test(
  'faasm: with --json a failure is one line of JSON',
  fails,
  ['invoke', 'demo/errors', '--json'],
  problem(404, { code: 'not_found', detail: 'no such thing', component: 'scheduler' }),
  '{"code":"not_found","message":"no such thing","component":"scheduler","requestId":"req-1"}\n',
);

test(
  'faasm: a code of a newer host is an internal one',
  fails,
  ['rm', 'demo/x', '--json'],
  problem(500, { code: 'brand_new', detail: 'who knows' }),
  '{"code":"internal","message":"who knows","requestId":"req-1"}\n',
);

test(
  'faasm: an answer that is no problem document is shown',
  fails,
  ['ls', 'demo'],
  { status: 502, body: '<h1>Bad gateway</h1>' },
  'faasm: URL answers with status 502 and says: <h1>Bad gateway</h1>\n',
);

test(
  'faasm: a redirect is a failure',
  fails,
  ['ls', 'demo'],
  { status: 302, headers: { Location: '/x' } },
  'faasm: URL answers with status 302 and says: nothing\n',
);

test(
  'faasm: a list that is not JSON is a failure',
  fails,
  ['ls', 'demo'],
  { status: 200, body: 'hello' },
  'faasm: URL does not answer as a Faasm host\n',
);

test('faasm: no host is said with the way out', async (t) => {
  const url = `http://localhost:${await freePort()}`;
  const run = await faasm(['invoke', 'demo/echo'], { environment: { FAASM_URL: url } });
  t.is(run.status, 1);
  t.is(
    run.stderr,
    `faasm: No Faasm host at ${url}; start one with npm start, or say where it is with --url or FAASM_URL\n`,
  );
});

test('faasm: a host that has no address is said', async (t) => {
  const run = await faasm(['ls', 'demo', '--url', 'http://nowhere.invalid']);
  t.is(run.status, 1);
  t.regex(run.stderr, /^faasm: Cannot reach a Faasm host at http:\/\/nowhere\.invalid: /);
});

test('faasm: an output that breaks off is a failure', async (t) => {
  await using host = await startFakeHost((res) => {
    res.writeHead(200, { 'Content-Length': '100' });
    res.write('half', () => res.destroy());
  });
  const run = await faasm(['invoke', 'demo/echo'], { environment: { FAASM_URL: host.url } });
  t.is(run.status, 1);
  t.is(run.stderr, 'faasm: The host broke off in the middle of its answer\n');
});

test('faasm: a host that refuses before it has read the input is heard', async (t) => {
  const { body } = problem(413, { code: 'too_large', detail: 'too much' });
  await using host = await startFakeHost((res) => {
    // What is sent meanwhile has to be read: a connection that is cut off takes the answer with it.
    res.writeHead(413, { 'Content-Length': String(body).length }).write(body);
    res.req.resume().once('close', () => res.end());
  });
  const run = await faasm(['invoke', 'demo/echo', '-'], {
    environment: { FAASM_URL: host.url },
    stdin: Buffer.alloc(20_000_000),
  });
  t.is(run.status, 1);
  t.is(run.stderr, 'faasm: too much (too_large, request req-1)\n');
});

test('faasm: a file that is not there is said', async (t) => {
  const run = await faasm(['deploy', 'demo/echo', 'none.wasm']);
  t.is(run.status, 1);
  t.is(run.stderr, 'faasm: Cannot read "none.wasm": there is no such file\n');
});

test('faasm: two modules are not one function', async (t) => {
  const run = await faasm(['deploy', 'demo/echo', 'a.wasm', 'b.wasm']);
  t.is(run.status, 2);
  t.regex(run.stderr, /A function is one module/);
});
