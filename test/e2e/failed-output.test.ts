/** What a call had put out before it failed reaches whoever made it, and an exit code can be an answer. */
import test from 'ava';
import { connect } from 'nats';
import type { CallStatus } from '../../proto/messages.ts';
import { connectFrames } from './_frames.ts';
import { startTestHost } from './_host.ts';

const at = await startTestHost({ FAASM_RECEIVE: 'socket', FAASM_SOCKET_LISTEN: '127.0.0.1:0' });
test.after.always(() => at[Symbol.asyncDispose]());

/** Writes its input but for the last byte, and exits with that digit; 9 is a trap. */
const writer = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 4)
  (func (export "_start") (local $code i32)
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 200000))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
    (i32.store (i32.const 4) (i32.sub (i32.load (i32.const 4)) (i32.const 1)))
    (local.set $code
      (i32.sub (i32.load8_u (i32.add (i32.const 1024) (i32.load (i32.const 4)))) (i32.const 48)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (if (i32.eq (local.get $code) (i32.const 9)) (then (unreachable)))
    (call $exit (local.get $code))))`;

/** Sets its output and returns 3. */
const setter = `(module
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1) (data (i32.const 8) "set")
  (func (export "exec") (result i32) (call $output (i32.const 8) (i32.const 3)) (i32.const 3)))`;

/** Chains `writer`, and gives the return value as a digit, then the output. */
const caller = (target: string, input: string): string => `(module
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call_output" (func $await (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "${target}\\00") (data (i32.const 64) "${input}")
  (func (export "malloc") (param i32) (result i32) (i32.const 129))
  (func (export "exec") (result i32)
    (i32.store8 (i32.const 128) (i32.add (i32.const 48) (call $await
      (call $chain (i32.const 8) (i32.const 64) (i32.const ${input.length})) (i32.const 0) (i32.const 4))))
    (call $output (i32.const 128) (i32.add (i32.const 1) (i32.load (i32.const 4))))
    (i32.const 0)))`;

const answers = (...exitCodes: number[]) => ({ 'X-Faasm-Settings': JSON.stringify({ exitCodes }) });

test.before(async (t) => {
  for (const [name, module, headers] of [
    ['writer', writer, {}],
    ['setter', setter, {}],
    ['grep', writer, answers(1, 0)],
    ['asks_writer', caller('writer', 'partial2'), {}],
    ['asks_grep', caller('grep', 'none1'), {}],
  ] as const) {
    const answer = await at.put(`ada/${name}`, module, headers);
    t.is(answer.status, 200, await answer.text());
  }
});

async function ended(id: string): Promise<CallStatus> {
  for (;;) {
    const status = (await (await fetch(`${at.url}/calls/${id}`)).json()) as CallStatus;
    if (status.endedAtMs !== null) return status;
  }
}

async function keep(name: string, input: string): Promise<string> {
  return await (await fetch(`${at.url}/fa/${name}`, { method: 'POST', body: input })).text();
}

const problemHas = test.macro(async (t, name: string, input: string, expected: Record<string, unknown>) => {
  const answer = await at.post(name, input);
  t.is(answer.status, 500);
  t.like(await answer.json(), expected);
});

test('an exit code', problemHas, 'ada/writer', 'partial1', {
  code: 'guest_returned',
  returnValue: 1,
  output: 'partial',
  outputBytes: 7,
});
test('a trap', problemHas, 'ada/writer', 'partial9', { code: 'guest_trapped', output: 'partial' });
test('a return value after setOutput()', problemHas, 'ada/setter', '', { returnValue: 3, output: 'set' });
test('much output: its end', problemHas, 'ada/writer', `${'x'.repeat(100_000)}end1`, {
  output: `${'x'.repeat(4093)}end`,
  outputBytes: 100_003,
});
test('bytes that are no text', problemHas, 'ada/writer', '\u00001', {
  outputBase64: 'AA==',
  outputBytes: 1,
});

test('an asynchronous call that failed has all of its output', async (t) => {
  const whole = `${'x'.repeat(100_000)}end`;
  for (const [digit, code, returnValue] of [
    ['1', 'guest_returned', '1'],
    ['9', 'guest_trapped', null],
  ] as const) {
    const id = await keep('ada/writer', `${whole}${digit}`);
    t.like(await ended(id), { state: 'failed', error: { code } });
    const output = await fetch(`${at.url}/calls/${id}/output`);
    t.is(output.status, 200);
    t.is(await output.text(), whole);
    t.is(output.headers.get('x-faasm-error'), code);
    t.is(output.headers.get('x-faasm-return-value'), returnValue);
  }
  const silent = await keep('ada/writer', '1');
  await ended(silent);
  const output = await fetch(`${at.url}/calls/${silent}/output`);
  t.is(output.status, 500, 'one without any has its error alone');
});

test('NATS clients, sockets and callers have the output of a call that failed', async (t) => {
  const client = await connect({ port: at.host.natsPort! });
  const answer = await client.request('faasm.invoke.ada.writer', 'partial2', { timeout: 10_000 });
  t.is(answer.string(), 'partial');
  t.is(answer.headers?.get('Faasm-Error'), 'guest_returned');
  await client.close();
  await using frames = await connectFrames(at.host.socket!);
  frames.send({ user: 'ada', function: 'writer', inputData: Buffer.from('partial2') });
  const result = await frames.next();
  t.like(result, { success: false, returnValue: 2 });
  t.is(Buffer.from(result.outputData).toString(), 'partial');
  // The later ones are made beside their caller.
  for (let call = 0; call < 6; call++) t.is(await (await at.post('ada/asks_writer')).text(), '2partial');
});

test('an exit code that is an answer is one, whoever asks', async (t) => {
  const one = await at.post('ada/grep', 'none1');
  t.is(one.status, 200);
  t.is(one.headers.get('x-faasm-return-value'), '1');
  t.is(await one.text(), 'none');
  const zero = await at.post('ada/grep', 'found0');
  t.is(await zero.text(), 'found');
  t.is(zero.headers.get('x-faasm-return-value'), null);
  t.is((await at.post('ada/grep', 'error2')).status, 500);

  const id = await keep('ada/grep', 'none1');
  t.like(await ended(id), { state: 'succeeded', returnValue: 1, error: null });
  const output = await fetch(`${at.url}/calls/${id}/output`);
  t.is(output.headers.get('x-faasm-return-value'), '1');
  t.is(await output.text(), 'none');

  const client = await connect({ port: at.host.natsPort! });
  const answer = await client.request('faasm.invoke.ada.grep', 'none1', { timeout: 10_000 });
  t.is(answer.string(), 'none');
  t.is(answer.headers?.get('Faasm-Return-Value'), '1');
  await client.close();
  await using frames = await connectFrames(at.host.socket!);
  frames.send({ user: 'ada', function: 'grep', inputData: Buffer.from('none1') });
  t.like(await frames.next(), { success: true, returnValue: 1 });
  for (let call = 0; call < 6; call++) t.is(await (await at.post('ada/asks_grep')).text(), '1none');
});
