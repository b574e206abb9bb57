/**
 * AssemblyScript to a module. The compiler sees a program of two files: an entry made here, which exports what the
 * source exports and what the host needs, and the source with what it imports. The SDK is part of its library.
 */
import type { DiagnosticMessage } from 'assemblyscript/asc';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { buildFailure } from './diagnose.ts';
import type { GuestKit } from './guest-kit.ts';
import { languageOf } from './language.ts';
import type { BuildFlags, BuildProgress, BuildResult, Optimization } from './options.ts';
import type { BuildRequest } from './toolchain-messages.ts';

const entryPath = 'faasm-entry.ts';
const outputPath = 'faasm-module.wasm';

const optimizations: Readonly<Record<Optimization, readonly string[]>> = {
  0: [],
  1: ['--optimizeLevel', '1'],
  2: ['--optimizeLevel', '2'],
  3: ['--optimizeLevel', '3'],
  s: ['--optimizeLevel', '3', '--shrinkLevel', '1'],
  z: ['--optimizeLevel', '3', '--shrinkLevel', '2'],
};

/** Of one start of a call, without growing: a Faaslet whose memory grew cannot be used again. 4 MiB. */
const initialPages = 64;

/** @throws FaasmError `bad_request` with what the compiler says */
export async function compileAssemblyScript(
  { sources, flags, kit }: BuildRequest,
  onProgress: BuildProgress,
): Promise<BuildResult> {
  const { path } = sources.find((source) => languageOf(source.path) !== undefined)!;
  const args = toArguments(flags);
  onProgress('loading toolchain', '');
  const { default: asc } = await import('assemblyscript/asc');
  const { libraryFiles } = asc;
  addLibrary(libraryFiles, kit);
  onProgress('compiling', path);

  const files = new Map(sources.map((source) => [source.path, toText(source.text)]));
  files.set(
    entryPath,
    `export * from ${JSON.stringify(`./${path.replace(/\.ts$/, '')}`)};
     export { malloc } from "faasm/runtime";`,
  );
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  let text = '';
  const found: string[] = [];
  const { error } = await asc.main([entryPath, '-o', outputPath, ...args], {
    stdout: { write: () => {} },
    stderr: { write: (piece) => void (text += piece.toString()) },
    readFile: (name) => files.get(name) ?? null,
    writeFile: (name, content) => {
      if (name === outputPath) wasm = new Uint8Array(content as Uint8Array);
    },
    listFiles: () => null,
    reportDiagnostic: (diagnostic) => void found.push(describe(diagnostic, files)),
  });
  const messages = found.join('\n');
  if (error !== null || wasm === undefined) {
    throw buildFailure(path, messages || `${text}\n${error?.message ?? ''}`.trim());
  }
  checkEntry(path, wasm);
  return { wasm, warnings: messages };
}

function toArguments({ optimize, defines, includes, extra }: BuildFlags): string[] {
  if (includes.length > 0) {
    throw new FaasmError('bad_request', 'AssemblyScript has no include folders: leave out -I, and import');
  }
  return [
    ...optimizations[optimize],
    // Names of functions stay: a backtrace is made of them.
    '--debug',
    ...['--enable', 'simd'],
    ...['--initialMemory', String(initialPages)],
    ...['abort', 'trace', 'seed'].flatMap((name) => ['--use', `${name}=~lib/faasm/runtime/${name}`]),
    ...defines.flatMap((define) => ['--use', toConstant(define)]),
    ...extra,
  ];
}

function toConstant(define: string): string {
  const [name, value = '1'] = define.split('=', 2);
  if (/^\d+$/.test(value)) return `${name}=${value}`;
  throw new FaasmError(
    'bad_request',
    `Bad define ${quote(define)}: in AssemblyScript it is a whole number, as in -D SIZE=10`,
  );
}

function toText(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
}

/** Also in place of what the compiler's own library has for a browser. */
function addLibrary(libraryFiles: Record<string, string>, { assemblyscript }: GuestKit): void {
  for (const { path, text } of assemblyscript) libraryFiles[path.replace(/\.ts$/, '')] = toText(text);
}

/** As clang has it: where, what, and the line itself. */
function describe(
  { category, code, message, range }: DiagnosticMessage,
  files: ReadonlyMap<string, string>,
): string {
  const severity = category === 3 ? 'error' : category === 2 ? 'warning' : 'note';
  const name = code === 0 ? severity : `${severity} AS${code}`;
  if (range === null) return `${name}: ${message}`;
  const { normalizedPath } = range.source;
  const source = files.get(normalizedPath);
  if (source === undefined) return `${normalizedPath}: ${name}: ${message}`;
  const before = source.slice(0, range.start).split('\n');
  const line = source.split('\n')[before.length - 1]!.trimEnd();
  const column = before.at(-1)!.length;
  const length = Math.max(1, Math.min(range.end - range.start, line.length - column));
  const number = String(before.length).padStart(5);
  return [
    `${normalizedPath}:${before.length}:${column + 1}: ${name}: ${message}`,
    `${number} | ${line}`,
    `${' '.repeat(number.length)} | ${line.slice(0, column).replace(/[^\t]/g, ' ')}^${'~'.repeat(length - 1)}`,
  ].join('\n');
}

function checkEntry(path: string, wasm: Uint8Array<ArrayBuffer>): void {
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(wasm));
  if (exported.some(({ name, kind }) => kind === 'function' && /^(?:_start|exec|main)$/.test(name))) return;
  throw buildFailure(path, 'Nothing to run: `export function main(): i32`, which returns 0 for success.');
}
