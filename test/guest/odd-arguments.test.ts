/** Whatever a guest passes to the host, it gets an error number, or a fault of its own: nothing of the host breaks. */
import test, { type ExecutionContext } from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { noSettings } from '../../proto/function-settings.ts';
import { CallContext } from '../../src/guest/call-context.ts';
import { chain } from '../../src/guest/chain/chain.ts';
import { GuestExit, GuestFault } from '../../src/guest/guest-fault.ts';
import { io } from '../../src/guest/io/io.ts';
import { createLibc, libcTable } from '../../src/guest/libc/libc.ts';
import type { GuestHost, Guest as GuestPort, ImportFunctions, ImportTable } from '../../src/guest/port.ts';
import { process } from '../../src/guest/process/process.ts';
import { createSyscalls } from '../../src/guest/syscall/syscall.ts';
import { wasiTable, wasiUnstableTable } from '../../src/guest/wasi/table.ts';
import { createRandom } from '../random.ts';
import { Guest, memoryBytes } from './wasi/guest.ts';

type Random = ReturnType<typeof createRandom>;

const files = {
  'a/b': 'text',
  'a/l': { link: 'b' },
  loop: { link: 'loop' },
  e: { directory: true },
} as const;
const paths = [
  'a/b',
  'a/b/',
  'a/../..',
  '/a',
  '',
  '.',
  'a//b',
  'loop/x',
  'dev/zero',
  'etc/passwd',
  '\xff',
  'x',
];
const stringsAt = 1000;
const listsAt = 2000;
const rounds = 1000;

/** Small numbers, places of strings and of lists of buffers, and what lies at the edges of the memory and of a word. */
function oddNumber(random: Random): number {
  const edges = [
    0,
    -1,
    2 ** 31 - 1,
    -(2 ** 31),
    memoryBytes,
    memoryBytes - 1,
    memoryBytes - 4,
    0xffff,
    0x3fff_ffff,
  ];
  switch (random.below(6)) {
    case 0:
      return random.pick(edges) | 0;
    case 1:
      return stringsAt + 32 * random.below(paths.length);
    case 2:
      return listsAt + random.below(64);
    case 3:
      return random.below(2 ** 31) * (random.below(2) === 0 ? 1 : -1);
    default:
      return random.below(12);
  }
}

function oddValue(random: Random, type: string): number | bigint {
  if (type !== 'I') return oddNumber(random);
  const edges = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 32n, 2n ** 30n - 1n];
  return random.below(2) === 0 ? random.pick(edges) : BigInt(oddNumber(random));
}

/** Strings, and lists of buffers that overlap, are empty, long, or outside. */
function prepare(guest: Guest, random: Random): void {
  for (const [index, path] of paths.entries()) {
    const bytes = Buffer.from(`${path}\0`, path === '\xff' ? 'latin1' : 'utf8');
    guest.memory.bytes(stringsAt + 32 * index, bytes.length).set(bytes);
  }
  for (let word = 0; word < 32; word++) {
    guest.memory.view().setInt32(listsAt + 4 * word, oddNumber(random), true);
  }
}

/** What would wait is told that its call is over. */
async function isFine(t: ExecutionContext, what: string, guest: Guest, work: () => unknown): Promise<void> {
  try {
    const result = work();
    if (!(result instanceof Promise)) return;
    guest.wasi.reset();
    guest.begin({ stdin: 'input' });
    await result;
  } catch (thrown) {
    const isKnown = thrown instanceof GuestFault || thrown instanceof GuestExit;
    const isError = thrown instanceof FaasmError && thrown.code !== 'internal';
    if (!isKnown && !isError) t.fail(`${what}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
  }
}

const host: GuestHost = {
  owner: 'test',
  ask: async () => undefined,
  config: new Map([['a/b', 'value']]),
  stateAccess: 'synchronous',
  sideModules: { maxBytes: 1000, tableMaxElements: 1000, compileMaxBytes: 2 ** 28 },
};

async function throughTable(
  t: ExecutionContext,
  seed: number,
  table: ImportTable,
  create: (guest: Guest) => ImportFunctions,
): Promise<void> {
  const random = createRandom(seed);
  const names = Object.keys(table);
  let guest = new Guest({ files, limits: { bytes: 100_000, inodes: 20, openFiles: 12 } });
  let functions = create(guest);
  for (let round = 0; round < rounds; round++) {
    if (round % 200 === 0) {
      guest = new Guest({ files, stdin: 'input', limits: { bytes: 100_000, inodes: 20, openFiles: 12 } });
      functions = create(guest);
    }
    prepare(guest, random);
    const name = random.pick(names);
    const [types = ''] = table[name]!.signature.split(':');
    const parameters = [...types].map((type) => oddValue(random, type));
    const what = `seed ${seed}: ${name}(${parameters.join(', ')})`;
    await isFine(t, what, guest, () => functions[name]!(...parameters));
  }
  t.pass();
}

for (const seed of [1, 2, 3]) {
  test(`WASI preview 1, seed ${seed}`, (t) =>
    throughTable(t, seed, wasiTable, ({ wasi }) => wasi.pick(Object.keys(wasiTable))));
  test(`the edition before, seed ${seed}`, (t) =>
    throughTable(t, seed, wasiUnstableTable, ({ wasi }) =>
      wasi.pick(Object.keys(wasiUnstableTable), 'wasi_unstable'),
    ));
  test(`libc, seed ${seed}`, (t) =>
    throughTable(t, seed, libcTable, ({ memory, wasi }) =>
      createLibc(memory, createSyscalls(memory, wasi.context)),
    ));
  test(`system calls, seed ${seed}`, (t) => {
    const table = Object.fromEntries(
      Array.from({ length: 400 }, (_, number) => [String(number), { signature: 'iiiiii:i', waits: true }]),
    );
    return throughTable(t, seed, table, ({ memory, wasi }) => {
      const { __syscall6: call } = createSyscalls(memory, wasi.context).imports;
      const bound = Object.keys(table).map((number) => [
        number,
        (...parameters: number[]) => call!(Number(number), ...parameters),
      ]);
      return Object.fromEntries(bound) as ImportFunctions;
    });
  });
  test(`Faasm's own calls, seed ${seed}`, (t) => {
    const waiting = new Set(['__faasm_await_call', '__faasm_await_call_output']);
    const limits = { inputMaxBytes: 1000, outputMaxBytes: 1000, stderrMaxBytes: 100, chainedCallsMax: 10 };
    const tried = [io, chain, process];
    const create = ({ memory }: Guest): ImportFunctions => {
      const program = { user: 'ada', function: 'f', version: '', settings: noSettings };
      const guest = { program, memory, call: new CallContext(limits), deliver: () => 0 } as unknown;
      const provided = tried.map((capability) => capability.open(host)(guest as GuestPort).functions);
      return Object.assign({}, ...provided) as ImportFunctions;
    };
    const table = Object.fromEntries(
      tried
        .flatMap(({ imports: [present] }) => Object.entries(present!))
        .filter(([name]) => !waiting.has(name)),
    );
    return throughTable(t, seed, table, create);
  });
}
