import { execFile } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import wabt from 'wabt';
import { createMappedMemory } from '../../src/memory/mapped.ts';
import { hostPageBytes, wasmPageBytes } from '../../src/memory/port.ts';
import { memoryContract } from '../_contracts/memory.ts';

memoryContract(test, 'mapped', createMappedMemory);
memoryContract(test, 'mapped, keeping nothing', () => createMappedMemory({ keptPages: 0 }));

interface Guest {
  readonly memory: WebAssembly.Memory;
  peek(address: number): number;
  poke(address: number, value: number): void;
}

async function createGuest(): Promise<Guest> {
  const { parseWat } = await wabt();
  const { buffer } = parseWat(
    'guest.wat',
    `(module
      (memory (export "memory") 4 64)
      (data (i32.const 100000) "from the module")
      (func (export "peek") (param i32) (result i32) local.get 0 i32.load8_u)
      (func (export "poke") (param i32 i32) local.get 0 local.get 1 i32.store8))`,
  ).toBinary({});
  const module = new WebAssembly.Module(buffer as Uint8Array<ArrayBuffer>);
  return new WebAssembly.Instance(module).exports as unknown as Guest;
}

test('a guest sees its image, and state in a window, in compiled code', async (t) => {
  const port = createMappedMemory();
  const zygote = await createGuest();
  zygote.poke(100_000, 0);
  zygote.poke(7, 70);
  const prepared = port.prepare(port.capture(zygote.memory));
  t.teardown(() => port.discard(prepared));
  const guest = await createGuest();
  const attached = port.attach(guest.memory, prepared);
  const segment = port.createSegment(1);
  const window = attached.growForWindow(1);
  const outOfBounds = guest.memory.buffer.byteLength;
  for (let call = 1; call < 20_000; call++) {
    attached.mapSegment(segment, window);
    guest.poke(window, (guest.peek(window) + 1) & 0xff);
    guest.poke(7, call & 0xff);
    guest.poke(100_000, 1);
    if (call % 1000 === 0) t.throws(() => guest.peek(outOfBounds), { instanceOf: WebAssembly.RuntimeError });
    if (!attached.reset()) t.fail('reset() refused');
    const seen = [guest.peek(7), guest.peek(100_000), guest.peek(100_001), guest.peek(window)];
    if (seen.join() !== `70,0,${'r'.charCodeAt(0)},0`) t.fail(`call ${call} left ${seen}`);
  }
  t.is(new Uint8Array(segment.buffer, 0, 1)[0], 19_999 & 0xff);
});

test('residentBytes() counts the pages that were written, not those that were read', (t) => {
  const port = createMappedMemory();
  const prepared = port.prepare(imageOfOnePage());
  t.teardown(() => port.discard(prepared));
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 70 });
  const attached = port.attach(memory, prepared);
  const bytes = new Uint8Array(memory.buffer);
  t.is(attached.residentBytes(), 0);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += hostPageBytes) sum += bytes[at]!;
  t.is(sum, wasmPageBytes / hostPageBytes);
  t.is(attached.residentBytes(), 0);
  for (const page of [0, 3, 100, 1000]) bytes[page * hostPageBytes] = 9;
  t.is(attached.residentBytes(), 4 * hostPageBytes);
  const window = attached.growForWindow(wasmPageBytes);
  attached.mapSegment(port.createSegment(wasmPageBytes), window);
  new Uint8Array(memory.buffer).fill(1, window);
  t.is(attached.residentBytes(), 4 * hostPageBytes);
});

test('reset() keeps the pages of a call that wrote few, and drops those of one that wrote many', (t) => {
  const image = imageOfOnePage();
  const kept = createMappedMemory({ keptPages: 8 });
  const none = createMappedMemory({ keptPages: 0 });
  for (const [port, pages, left] of [
    [kept, 8, 8],
    [kept, 9, 0],
    [none, 1, 0],
  ] as const) {
    const prepared = port.prepare(image);
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 70 });
    const attached = port.attach(memory, prepared);
    port.discard(prepared);
    const bytes = new Uint8Array(memory.buffer);
    for (let page = 0; page < pages; page++)
      bytes.fill(5, page * 7 * hostPageBytes, page * 7 * hostPageBytes + 9);
    t.true(attached.reset());
    t.is(attached.residentBytes(), left * hostPageBytes, `${pages} written`);
    for (let page = 0; page < pages; page++) {
      t.is(bytes[page * 7 * hostPageBytes], page * 7 * hostPageBytes < wasmPageBytes ? 1 : 0);
    }
  }
});

/** Ones in the first wasm page of 64. */
function imageOfOnePage() {
  const source = new WebAssembly.Memory({ initial: 64 });
  new Uint8Array(source.buffer).fill(1, 0, wasmPageBytes);
  return createMappedMemory().capture(source);
}

test('a Proto-Faaslet is sealed: nobody can write to it', (t) => {
  const port = createMappedMemory();
  const source = new WebAssembly.Memory({ initial: 1 });
  new Uint8Array(source.buffer)[0] = 1;
  const { fd } = port.prepare(port.capture(source));
  const path = `/proc/self/fd/${fd}`;
  t.is(readFileSync(path)[0], 1);
  const writable = openSync(path, 'r+');
  t.throws(() => writeSync(writable, 'x'), { code: 'EPERM' });
  t.throws(() => ftruncateSync(writable, 0), { code: 'EPERM' });
  closeSync(writable);
});

test('attach() finds out that an image was discarded, and that its number is another file now', (t) => {
  const port = createMappedMemory();
  const source = new WebAssembly.Memory({ initial: 1 });
  new Uint8Array(source.buffer)[0] = 1;
  const image = port.capture(source);
  const prepared = port.prepare(image);
  port.discard(prepared);
  const attach = () => port.attach(new WebAssembly.Memory({ initial: 1 }), prepared);
  t.throws(attach, { code: 'internal', message: /discarded/ });
  const next = port.prepare(image);
  t.is(next.fd, prepared.fd, 'the kernel gives the lowest free number');
  t.throws(attach, { code: 'internal', message: /discarded/ });
  port.discard(prepared);
  t.notThrows(() => port.attach(new WebAssembly.Memory({ initial: 1 }), next));
  port.discard(next);
});

const exhausted = test.macro({
  title: (_, what: string) => `running out of ${what} is no_capacity, and passes`,
  async exec(t, what: string, before: string, code: string) {
    const script = fileURLToPath(new URL('./exhaust.ts', import.meta.url));
    const command = `${before} exec "$0" "$1" "$2"`;
    const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, script, what]);
    t.deepEqual(JSON.parse(stdout), { code, took: true, works: true });
  },
});

test(exhausted, 'mappings', '', 'no_capacity');
test(exhausted, 'addresses', '', 'no_capacity');
test(exhausted, 'files', 'ulimit -n 200;', 'no_capacity');
