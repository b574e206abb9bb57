/** A build, inside the toolchain's process: sources to objects, objects to a module. */
import { FaasmError } from '../../proto/errors.ts';
import { tidyMessages, withAdvice } from './diagnose.ts';
import type { GuestKit } from './guest-kit.ts';
import { loadLlvm, runLlvm, type Tree, toTree } from './llvm.ts';
import {
  type BuildFlags,
  type BuildProgress,
  type BuildResult,
  isCompiled,
  isCpp,
  isLinked,
} from './options.ts';
import type { PrecompiledPreambles } from './precompiled-preambles.ts';
import type { BuildRequest } from './toolchain-messages.ts';

/** Of the stack in linear memory, which lies below the data, so that its overflow traps. */
const stackBytes = 1024 * 1024;

interface LinkedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** @throws FaasmError `bad_request` with what the compiler or linker says */
export async function compile(
  { sources, flags, kit }: BuildRequest,
  preambles: PrecompiledPreambles,
  onProgress: BuildProgress,
): Promise<BuildResult> {
  onProgress('loading toolchain', '');
  await loadLlvm();
  const library = await libraryOf(kit);

  const tree = (): [string, string | Uint8Array][] => [
    ...sources.map(({ path, text }): [string, string | Uint8Array] => [path, text]),
    ...kit.headers.map(({ path, text }): [string, string | Uint8Array] => [`.faasm/include/${path}`, text]),
  ];
  const objects: LinkedFile[] = [];
  const warnings: string[] = [];
  for (const source of sources) {
    if (isLinked(source.path)) objects.push({ path: source.path, bytes: Buffer.from(source.text) });
    if (!isCompiled(source.path)) continue;
    onProgress('compiling', source.path);
    const compileFlags = toCompileFlags(flags, isCpp(source.path));
    const preamble = preambles.take(source, compileFlags);
    const object = `${source.path}.o`;
    const { output, succeeded, text } = await runLlvm(
      [...compileFlags, ...preamble.flags, '-c', source.path, '-o', `.faasm/${object}`],
      toTree([...tree(), ...preamble.files]),
      `.faasm/${object}`,
    );
    if (!succeeded || output === undefined) throw failed(source.path, text);
    warnings.push(tidyMessages(text));
    objects.push({ path: object, bytes: output });
  }

  onProgress('linking', '');
  const { wasm, text } = await link(objects, library, flags, kit);
  return { wasm, warnings: [...warnings, tidyMessages(text)].filter((each) => each !== '').join('\n') };
}

function toCompileFlags({ optimize, defines, includes, extra }: BuildFlags, cpp: boolean): string[] {
  return [
    cpp ? 'clang++' : 'clang',
    `-O${optimize}`,
    '-ffunction-sections',
    '-fdata-sections',
    ...(cpp ? ['-fno-exceptions'] : []),
    '-I.faasm/include',
    ...includes.map((folder) => `-I${folder}`),
    ...defines.map((define) => `-D${define}`),
    ...extra.filter((flag) => !isLinkFlag(flag) && !flag.startsWith('--target=')),
  ];
}

const isLinkFlag = (flag: string): boolean => /^-(?:l|L|Wl,)/.test(flag);

/** What a module is started by is seen from what its objects define. */
const mainSymbols = /^[0-9a-f]+ T (?:main|__main_void|__main_argc_argv|__original_main)$/m;
const execSymbol = /^[0-9a-f]+ T _ZN5faasm4execEPNS_11FaasmMemoryE$/m;

async function link(
  objects: readonly LinkedFile[],
  library: ReadonlyMap<string, Uint8Array>,
  flags: BuildFlags,
  kit: GuestKit,
): Promise<{ wasm: Uint8Array<ArrayBuffer>; text: string }> {
  const tree: Tree = toTree([
    ...objects.map(({ path, bytes }): [string, Uint8Array] => [path, bytes]),
    ...[...library].map(([path, bytes]): [string, Uint8Array] => [`.faasm/${path}`, bytes]),
    ['.faasm/imports.txt', hostImports(kit).join('\n')],
  ]);
  const paths = objects.map(({ path }) => path);
  const symbols = await runLlvm(['nm', ...paths], tree, '');
  const hasMain = mainSymbols.test(symbols.text);
  const hasExec = execSymbol.test(symbols.text);
  if (hasMain === hasExec)
    throw failed(paths.map((path) => path.replace(/\.o$/, '')).join(', '), noEntry(hasMain));

  const fromDriver = flags.extra
    .filter(isLinkFlag)
    .flatMap((flag) => (flag.startsWith('-Wl,') ? flag.slice(4).split(',') : [flag]));
  const { output, succeeded, text } = await runLlvm(
    [
      'wasm-ld',
      '-m',
      'wasm32',
      '-L/usr/lib/wasm32-unknown-wasip1',
      '-L/usr/lib/wasm32-wasip1',
      ...(hasMain
        ? ['/usr/lib/wasm32-wasip1/crt1-command.o']
        : ['/usr/lib/wasm32-wasip1/crt1-reactor.o', '--entry=_initialize', '.faasm/entry.cpp.o']),
      ...paths,
      '--start-lib',
      ...[...library.keys()].filter((path) => path !== 'entry.cpp.o').map((path) => `.faasm/${path}`),
      '--end-lib',
      '--allow-undefined-file=.faasm/imports.txt',
      '--gc-sections',
      '--stack-first',
      '-z',
      `stack-size=${stackBytes}`,
      ...(flags.extra.includes('-g') ? [] : ['--strip-debug']),
      ...fromDriver,
      '-lc++',
      '-lc++abi',
      '-lc',
      '/usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a',
      '-o',
      '.faasm/module.wasm',
    ],
    tree,
    '.faasm/module.wasm',
  );
  if (!succeeded || output === undefined) throw failed('the module', text);
  return { wasm: output, text };
}

function noEntry(both: boolean): string {
  return both
    ? 'It defines both main() and faasm::exec(); leave one of them out.'
    : 'Nothing to run: define `int faasm::exec(faasm::FaasmMemory* memory)`, or an ordinary main().';
}

/** Programs that declare the host interface themselves, without an attribute, import it too. */
function hostImports(kit: GuestKit): string[] {
  const header = kit.headers.find(({ path }) => path === 'faasm/host_interface.h')?.text.toString() ?? '';
  return [...new Set(header.match(/\b__faasm_\w+/g))];
}

let compiledLibrary: { version: string; objects: Promise<ReadonlyMap<string, Uint8Array>> } | undefined;

/** libfaasm as objects, by path; compiled once in the life of the process. */
function libraryOf(kit: GuestKit): Promise<ReadonlyMap<string, Uint8Array>> {
  if (compiledLibrary?.version !== kit.version) {
    compiledLibrary = { version: kit.version, objects: compileLibrary(kit) };
  }
  return compiledLibrary.objects;
}

async function compileLibrary(kit: GuestKit): Promise<ReadonlyMap<string, Uint8Array>> {
  const objects = new Map<string, Uint8Array>();
  const flags: BuildFlags = { optimize: '3', defines: [], includes: [], extra: [] };
  const headers = kit.headers.map(({ path, text }): [string, string | Uint8Array] => [
    `.faasm/include/${path}`,
    text,
  ]);
  for (const { path, text } of kit.library) {
    const command = [...toCompileFlags(flags, isCpp(path)), '-c', path, '-o', `${path}.o`];
    const run = await runLlvm(command, toTree([...headers, [path, text]]), `${path}.o`);
    if (run.output === undefined) throw new FaasmError('internal', `libfaasm does not compile: ${run.text}`);
    objects.set(`${path}.o`, run.output);
  }
  return objects;
}

function failed(what: string, text: string): FaasmError {
  const message =
    tidyMessages(text) || 'The compiler made nothing and does not say why; look at the extra flags';
  return new FaasmError('bad_request', withAdvice(`Cannot build ${what}:\n${message}`));
}
