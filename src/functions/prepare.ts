/** From an uploaded module to one that can run: checked, rewritten, compiled. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import type { ProgramLayout } from '../faaslet/program.ts';
import { checkImports, type FunctionImport } from '../guest/imports.ts';
import {
  bodiesToTry,
  type CompileLimits,
  defaultCompileLimits,
  describeBodies,
} from '../wasm/compile-limits.ts';
import { inspectScan, type ModuleInfo, type ModuleLimits } from '../wasm/inspect.ts';
import { onlyBodies } from '../wasm/only-bodies.ts';
import { rewriteScan } from '../wasm/rewrite.ts';
import { scanModule } from '../wasm/scan.ts';
import type { Signature } from '../wasm/types.ts';
import { sha256 } from './sha256.ts';

export interface PreparedModule {
  readonly module: WebAssembly.Module;
  readonly imports: readonly FunctionImport[];
  readonly layout: ProgramLayout;
  /** Of its entry. */
  readonly signature: Signature;
  /**
   * sha256, in hex, of all of the module that a snapshot of it depends on: its rewritten bytes and its layout. Another
   * rewriter or another memory limit gives another one.
   */
  readonly fingerprint: string;
}

/** What a call can run, the first that is there, and of which types it may be. */
const entries: readonly (readonly [name: string, signatures: readonly string[]])[] = [
  ['_start', [':']],
  ['exec', [':i', ':', 'i:i']],
  ['main', ['ii:i', ':i']],
];

/** Of what could be invoked in place of what is not there. */
const shownExportsMax = 20;

/** Of WASI: what is given no address. */
const withoutMemory: ReadonlySet<string> = new Set([
  'fd_advise',
  'fd_allocate',
  'fd_close',
  'fd_datasync',
  'fd_fdstat_set_flags',
  'fd_fdstat_set_rights',
  'fd_filestat_set_size',
  'fd_filestat_set_times',
  'fd_renumber',
  'fd_sync',
  'proc_exit',
  'proc_raise',
  'sched_yield',
  'sock_shutdown',
]);

export interface PrepareOptions {
  /** The export to run, of whatever type, in place of those that a call can run. */
  readonly invoked?: string | undefined;
  /** Compiles a module that may be too much for the compiler; without it, the process takes that upon itself. */
  readonly tryOut?: (module: Uint8Array, limits: CompileLimits, what: string) => Promise<void>;
}

/** @throws FaasmError `bad_module`, `unknown_import`, `unsupported_module`, and what `tryOut` throws */
export async function prepareModule(
  bytes: Uint8Array<ArrayBuffer>,
  limits: ModuleLimits,
  { invoked, tryOut }: PrepareOptions = {},
): Promise<PreparedModule> {
  const scan = scanModule(bytes);
  const info = inspectScan(scan, limits);
  const imports = functionImports(info);
  checkImports(imports);
  checkMemory(info, imports);
  const entry = invoked === undefined ? findEntry(info) : findInvoked(info, invoked);
  const compileLimits = { ...defaultCompileLimits, ...limits };
  const tried = bodiesToTry(scan, compileLimits);
  const rewritten = rewriteScan(scan, { memoryMaxPages: limits.memoryMaxPages });
  const initializers = [
    rewritten.start,
    entry.name === '_start' ? undefined : optional(info, '_initialize'),
    optional(info, '_faasm_zygote'),
  ].filter((name) => name !== undefined);
  const layout: ProgramLayout = {
    entry: entry.name,
    entryParameters: entry.signature.indexOf(':'),
    initializers,
    memory: rewritten.memory,
    mutableGlobals: rewritten.mutableGlobals,
    deniedGrowth: rewritten.deniedGrowth,
    catches: scan.code.usesLegacyExceptions || scan.code.usesExceptionReferences,
    restorable: rewritten.restorable,
  };
  if (tried.length > 0 && tryOut !== undefined)
    await tryOut(onlyBodies(scan, new Set(tried)), compileLimits, describeBodies(scan, tried));
  return {
    module: await compile(rewritten.bytes),
    imports,
    layout,
    signature: entry.signature,
    fingerprint: sha256(`${JSON.stringify(layout)} ${sha256(rewritten.bytes)}`),
  };
}

function functionImports(info: ModuleInfo): FunctionImport[] {
  checkThreads(info);
  return info.imports.map(({ module, name, kind, signature }) => {
    if (kind === 'function' && signature !== undefined) return { module, name, signature };
    const shown = `${quote(module)}.${quote(name)}`.replaceAll('"', '');
    throw new FaasmError(
      'unknown_import',
      `The module imports the ${kind} ${shown}; it has to define its own ${kind}`,
    );
  });
}

/** @throws FaasmError `unsupported_module` for a program that has threads */
function checkThreads({ imports, memories }: ModuleInfo): void {
  const importsShared = memories.some(({ imported, shared }) => imported && shared);
  if (!importsShared && !imports.some(({ module, name }) => module === 'wasi' && name === 'thread-spawn'))
    return;
  throw new FaasmError(
    'unsupported_module',
    'The module is built for threads, which a function has none of: build it with target wasm32-wasip1, without -pthread',
  );
}

/** @throws FaasmError `bad_module` for what a host function works on, and is not there */
function checkMemory({ memories }: ModuleInfo, imports: readonly FunctionImport[]): void {
  if (memories.length > 0) return;
  const found = imports.find(({ module, name }) => module !== 'env' && !withoutMemory.has(name));
  if (found === undefined) return;
  throw new FaasmError(
    'bad_module',
    `The module has no memory, and imports ${found.module}.${found.name}, which works on it: link it as a program`,
  );
}

function findEntry(info: ModuleInfo): { name: string; signature: string } {
  for (const [name, signatures] of entries) {
    const found = info.exports.find((exported) => exported.name === name);
    if (found === undefined) continue;
    if (found.kind !== 'function')
      throw new FaasmError('bad_module', `The export ${name} is a ${found.kind}, not a function`);
    const signature = found.signature ?? '';
    if (signatures.includes(signature)) return { name, signature };
    throw new FaasmError(
      'bad_module',
      `The export ${name} has type (${signature}); it has to be (${signatures.join(') or (')})`,
    );
  }
  const names = entries.map(([name]) => name).join(', ');
  throw new FaasmError('bad_module', `The module exports nothing to run: one of ${names} is wanted`);
}

function findInvoked(info: ModuleInfo, name: string): { name: string; signature: string } {
  const functions = info.exports.filter(({ kind }) => kind === 'function');
  const signature = functions.find((exported) => exported.name === name)?.signature;
  if (signature !== undefined) return { name, signature };
  const shown = functions.slice(0, shownExportsMax).map((exported) => quote(exported.name));
  const more = functions.length > shown.length ? `, and ${functions.length - shown.length} more` : '';
  throw new FaasmError(
    'not_found',
    `The module exports no function ${quote(name)}: ${shown.length === 0 ? 'it exports none' : `there is ${shown.join(', ')}${more}`}`,
  );
}

/** The name of an exported function without parameters, if there is one. */
function optional(info: ModuleInfo, name: string): string | undefined {
  const found = info.exports.find((exported) => exported.name === name);
  if (found === undefined) return undefined;
  if (found.kind === 'function' && found.signature?.startsWith(':')) return name;
  throw new FaasmError('bad_module', `The export ${name} has to be a function without parameters`);
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const text = (cause instanceof Error ? cause.message : String(cause)).replace(
      /^WebAssembly\.compile\(\): /,
      '',
    );
    throw new FaasmError('bad_module', `Not a valid WebAssembly module: ${text}`, { cause });
  }
}
