/** What the host refuses a guest is a fault of the guest, and none of the request that made the call. */
import test from 'ava';
import { connectFrames } from './_frames.ts';
import { startTestHost } from './_host.ts';

const guest = (imports: string, body: string) => `(module ${imports}
  (memory (export "memory") 1)
  (data (i32.const 8) "never\\00")
  (data (i32.const 32) "../etc\\00")
  (func (export "exec") (result i32) ${body} (i32.const 0)))`;

const faults: readonly (readonly [code: string, module: string])[] = [
  [
    'not_found',
    guest(
      '(import "env" "__faasm_unlock_state_write" (func $unlock (param i32)))',
      '(call $unlock (i32.const 8))',
    ),
  ],
  [
    'bad_request',
    guest(
      '(import "env" "__faasm_await_call" (func $await (param i32) (result i32)))',
      '(drop (call $await (i32.const 99)))',
    ),
  ],
  [
    'bad_name',
    guest(
      '(import "env" "__faasm_write_state" (func $write (param i32 i32 i32)))',
      '(call $write (i32.const 0) (i32.const 0) (i32.const 1))',
    ),
  ],
  [
    'bad_name',
    guest(
      '(import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))',
      '(drop (call $chain (i32.const 32) (i32.const 0) (i32.const 0)))',
    ),
  ],
  [
    'too_large',
    guest(
      '(import "env" "__faasm_write_output" (func $output (param i32 i32)))',
      '(call $output (i32.const 0) (i32.const 60000))',
    ),
  ],
];

test('a fault inside the guest is 500 with its code, whichever way the call came', async (t) => {
  await using at = await startTestHost({
    FAASM_OUTPUT_MAX_BYTES: '50000',
    FAASM_RECEIVE: 'socket',
    FAASM_SOCKET_LISTEN: '127.0.0.1:0',
  });
  await using client = await connectFrames(at.host.socket!);
  for (const [index, [fault, module]] of faults.entries()) {
    const name = `f${index}`;
    t.is((await at.put(`ada/${name}`, module)).status, 200);
    const answer = await at.post(`ada/${name}`);
    t.is(answer.status, 500);
    t.like(await answer.json(), { code: 'guest_faulted', status: 500, fault });

    client.send({ user: 'ada', function: name, id: name });
    const { error } = await client.next();
    t.is(error?.code, 'guest_faulted');
    t.is(JSON.parse(error!.details).fault, fault);

    const kept = await (await fetch(`${at.url}/fa/ada/${name}`, { method: 'POST' })).text();
    let status = await (await fetch(`${at.url}/calls/${kept}`)).json();
    while (status.endedAtMs === null) status = await (await fetch(`${at.url}/calls/${kept}`)).json();
    t.like(status, { state: 'failed', attempts: 1, error: { code: 'guest_faulted', details: { fault } } });
  }
  t.is((await at.post('ada/nobody')).status, 404);
});

test('the trace of a request is in its answer, its status and its events', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', faults[0]![1]);
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const logs = await fetch(`${at.url}/logs/ada`);
  const failed = await at.post('ada/f', '', { traceparent });
  t.is(failed.headers.get('traceparent'), traceparent);
  const [line] = Buffer.from((await logs.body!.getReader().read()).value!)
    .toString()
    .split('\n');
  t.like(JSON.parse(line!), { traceparent, function: 'f' });
  const kept = await fetch(`${at.url}/fa/ada/f`, { method: 'POST', headers: { traceparent } });
  t.is(kept.headers.get('traceparent'), traceparent);
  t.like(await (await fetch(`${at.url}/calls/${await kept.text()}`)).json(), { traceparent });
});
