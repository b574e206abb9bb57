/**
 * The upload rewrite keeps what a module does: random valid modules, which Binaryen makes of random bytes, are run as
 * they are and rewritten, with the same imports and arguments.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { type RewrittenModule, rewriteModule } from '../../src/wasm/rewrite.ts';
import { scanModule } from '../../src/wasm/scan.ts';
import { createRandom, type Random } from '../random.ts';

const wasmOpt = fileURLToPath(import.meta.resolve('binaryen').replace(/index\.js$/, 'bin/wasm-opt'));
const memoryMaxPages = 65_536;
const seed = 20_261_123;

const proposals = [
  ['--enable-simd'],
  ['--enable-simd', '--enable-threads', '--enable-tail-call'],
  ['--enable-multimemory', '--enable-tail-call'],
  ['--enable-exception-handling', '--enable-reference-types'],
];
const always = [
  '--enable-bulk-memory',
  '--enable-mutable-globals',
  '--enable-nontrapping-float-to-int',
  '--enable-sign-ext',
  '--enable-multivalue',
  '--disable-gc',
];
const modulesEach = 8;

async function toModule(input: Uint8Array, enabled: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-fuzz-'));
  try {
    const [from, to] = [join(folder, 'random'), join(folder, 'module.wasm')];
    await writeFile(from, input);
    await promisify(execFile)(process.execPath, [wasmOpt, '-ttf', from, '-o', to, ...always, ...enabled]);
    return new Uint8Array(await readFile(to));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @param type a letter of a `Signature` */
function randomValue(type: string, random: Random): unknown {
  switch (type) {
    case 'I':
      return BigInt(random.below(1000)) - 500n;
    case 'i':
    case 'f':
    case 'F':
      return random.below(1000) - 500;
    default:
      return null;
  }
}

/** An imported global, of its type. */
function toGlobal({ type, mutable }: { type: { letter: string; text: string }; mutable: boolean }): unknown {
  const value = type.text === 'funcref' ? 'anyfunc' : type.text;
  const initial = type.letter === 'I' ? 0n : type.letter === 'r' ? null : 0;
  return new WebAssembly.Global({ value: value as WebAssembly.ValueType, mutable }, initial as never);
}

/** What a run did, in words: two runs that say the same did the same. */
async function behaviour(
  bytes: Uint8Array<ArrayBuffer>,
  start: string | undefined,
  runSeed: number,
): Promise<string[]> {
  const said: string[] = [];
  const { imports, exports } = inspectModule(bytes, { memoryMaxPages });
  const globals = scanModule(bytes).globals.values();
  const provided: Record<string, Record<string, unknown>> = {};
  const inside = createRandom(runSeed);
  for (const { module, name, kind, signature } of imports) {
    provided[module] ??= {};
    if (kind === 'function') {
      provided[module]![name] = (...given: unknown[]) => {
        said.push(`${module}.${name}(${given.map(toWord).join()})`);
        const results = [...signature!.split(':')[1]!].map((type) => randomValue(type, inside));
        return results.length > 1 ? results : results[0];
      };
    } else if (kind === 'table')
      provided[module]![name] = new WebAssembly.Table({ element: 'anyfunc', initial: 100 });
    else if (kind === 'tag') provided[module]![name] = new WebAssembly.Tag({ parameters: ['i32'] });
    else if (kind === 'global') provided[module]![name] = toGlobal(globals.next().value!);
    else throw new Error(`a random module imports a ${kind}`);
  }
  const attempt = (what: string, run: () => unknown): boolean => {
    try {
      said.push(`${what}: ${toWord(run())}`);
      return true;
    } catch (thrown) {
      said.push(`${what} threw ${(thrown as Error).constructor.name}: ${(thrown as Error).message}`);
      return false;
    }
  };
  let found: Record<string, unknown> = {};
  const module = new WebAssembly.Module(bytes);
  const started = attempt('instantiation', () => {
    found = new WebAssembly.Instance(module, provided as WebAssembly.Imports).exports;
    if (start !== undefined) (found[start] as () => void)();
  });
  if (!started) return said.map((each) => each.replace(/@.*/, ''));
  const random = createRandom(runSeed + 1);
  for (const { name, kind, signature } of exports) {
    if (kind !== 'function' || name.startsWith('__faasm_')) continue;
    const given = [...signature!.split(':')[0]!].map((type) => randomValue(type, random));
    attempt(name, () => (found[name] as (...all: unknown[]) => unknown)(...given));
  }
  for (const { name, kind } of exports) {
    if (name.startsWith('__faasm_')) continue;
    if (kind === 'memory') said.push(`${name} = ${await digest(found[name] as WebAssembly.Memory)}`);
    if (kind === 'global') attempt(name, () => (found[name] as WebAssembly.Global).value);
    if (kind === 'table') said.push(`${name} has ${(found[name] as WebAssembly.Table).length}`);
  }
  return said;
}

/** Nothing for a module of both kinds of exceptions, which Binaryen makes and the engine does not run. */
function rewriteUnlessMixed(bytes: Uint8Array<ArrayBuffer>): RewrittenModule | undefined {
  try {
    return rewriteModule(bytes, { memoryMaxPages });
  } catch (thrown) {
    if (thrown instanceof FaasmError && /mixes legacy exception handling/.test(thrown.message))
      return undefined;
    throw thrown;
  }
}

async function digest(memory: WebAssembly.Memory): Promise<string> {
  const bytes = new Uint8Array(new Uint8Array(memory.buffer));
  return `${bytes.length} ${Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex')}`;
}

function toWord(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toWord).join()}]`;
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
    ? typeof value
    : String(value);
}

for (const [place, enabled] of proposals.entries()) {
  test(`rewriteModule() keeps what random modules do: ${enabled.join(' ')}`, async (t) => {
    t.timeout(300_000);
    let calls = 0;
    for (let number = 0; number < modulesEach; number++) {
      const moduleSeed = seed + place * 1000 + number;
      const bytes = await toModule(createRandom(moduleSeed).bytes(3000), enabled);
      const told = `seed ${moduleSeed}, ${enabled.join(' ')}`;
      const rewritten = rewriteUnlessMixed(bytes);
      if (rewritten === undefined) continue;
      const { bytes: after, start } = rewritten;
      t.true(WebAssembly.validate(after), told);
      const before = await behaviour(bytes, undefined, moduleSeed);
      t.deepEqual(await behaviour(after, start, moduleSeed), before, told);
      calls += before.length;
    }
    t.true(calls > modulesEach, 'the modules did nothing');
  });
}

test('rewriteModule() refuses random modules of what cannot be run here, by name', async (t) => {
  for (const [feature, pattern] of [
    ['--enable-memory64', /memory64/],
    ['--enable-gc', /GC|unsupported|not supported/i],
  ] as const) {
    const bytes = await toModule(createRandom(seed).bytes(3000), [feature, '--enable-reference-types']);
    try {
      rewriteModule(bytes, { memoryMaxPages });
      t.true(WebAssembly.validate(bytes), `${feature}: what is taken is valid`);
    } catch (thrown) {
      t.true(thrown instanceof FaasmError);
      t.regex((thrown as Error).message, pattern);
    }
  }
});
