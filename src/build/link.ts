/** Objects to a module, inside the toolchain's process. */
import { emulated, isLinkFlag, loweringFlags } from './compile-flags.ts';
import { buildFailure, refuseSymbols } from './diagnose.ts';
import { exceptionSymbol } from './exceptions.ts';
import type { GuestKit, LibraryPart } from './guest-kit.ts';
import type { LibraryObjects } from './guest-library.ts';
import { runLlvm, toTree } from './llvm.ts';
import { usesLongDouble } from './long-double.ts';
import type { BuildFlags, BuildProgress } from './options.ts';

export interface LinkedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Of the stack in linear memory. It lies below the data, so that its overflow traps and harms no data. */
const stackBytes = 1024 * 1024;

/** What starts the program is seen from what its objects define; here as `nm` lists it. */
const mainSymbol = /^\S+ T (?:main|__main_void|__main_argc_argv|__original_main)$/m;
const execSymbol = /^\S+ T _ZN5faasm4execEPNS_11FaasmMemoryE$/m;

/** What has to see constructors run before the snapshot, and not in `_start`. */
const zygoteSymbol = /^\S+ T _faasm_zygote$/m;
const chainsPointers = /^\s+U (?:\S*__faasm_chain_ptr\S*|faasmChainBatch)$/m;

/** What goes by the working directory of libc: in C, and in `std::filesystem`. */
const workingDirectorySymbol =
  /^\s+U (?:chdir|getcwd|get_current_dir_name|realpath|\S*4__fs10filesystem\S*)$/m;

/** The parts of libfaasm that call `faasm::exec` and `main`. */
const execObject = 'exec_entry.cpp.o';
const mainObject = 'main_entry.c.o';
/** Nothing refers to it. */
const workingDirectoryObject = 'working_directory.c.o';
const chosenObjects: readonly string[] = [execObject, mainObject, workingDirectoryObject];

/** Of the exceptions' part, what catches at the program's own beginning, where nobody else did. */
const uncaught = {
  main: { object: 'exceptions/uncaught_main.cpp.o', wrapped: '__main_void' },
  exec: { object: 'exceptions/uncaught_exec.cpp.o', wrapped: '_ZN5faasm4execEPNS_11FaasmMemoryE' },
} as const;

/** Of the same, what the standard library has too, and what would bring much of it along. */
const streams = {
  object: 'exceptions/streams.cpp.o',
  wrapped: '_ZNSt3__28ios_base33__set_badbit_and_consider_rethrowEv',
} as const;

/** The compiler has it of `-fwasm-exceptions`; the linker, of nothing else. */
const loweringOfExceptions = ['-mllvm', '-wasm-enable-eh', '-mllvm', '-exception-model=wasm'];

/** What the host calls a function of this module with, and then writes out its stdio streams with. */
const pointerExports = ['--export-table', '--export-if-defined=__wasm_call_dtors'];

export interface LinkOptions {
  readonly kit: GuestKit;
  readonly flags: Pick<BuildFlags, 'extra'>;
  readonly onProgress: BuildProgress;
  /** Parts of libfaasm, made when asked for. */
  readonly library: (part: LibraryPart) => Promise<LibraryObjects>;
}

/**
 * `main` makes a WASI command; `faasm::exec` makes a reactor, whose constructors run in `_initialize`, before the
 * snapshot is taken. So does `main` with a zygote, or with functions that are called by pointer.
 * Of the library only what is used is linked.
 * @throws FaasmError `bad_request`
 */
export async function link(
  objects: readonly LinkedFile[],
  { kit, flags, onProgress, library: partOf }: LinkOptions,
): Promise<{ wasm: Uint8Array<ArrayBuffer>; text: string }> {
  const given = objects.map(({ path, bytes }) => [path, bytes] as const);
  const paths = objects.map(({ path }) => path);
  const program = paths.map((path) => path.replace(/(\.c\w*)\.o$/, '$1')).join(', ');

  const symbols = (await runLlvm(['nm', ...paths], toTree(given), '')).text;
  const hasMain = mainSymbol.test(symbols);
  if (hasMain === execSymbol.test(symbols)) throw buildFailure(program, entryProblem(hasMain));
  const refusal = refuseSymbols(symbols);
  if (refusal !== undefined) throw buildFailure(program, refusal);

  const none: LibraryObjects = new Map();
  const common = await partOf('common');
  const exceptions = exceptionSymbol.test(symbols) ? await partOf('exceptions') : none;
  const posix = usesPosix(symbols, kit) ? await partOf('posix') : none;
  onProgress('linking', '');
  const tree = toTree([
    ...given,
    ...[...common, ...exceptions, ...posix].map(([path, bytes]) => [`.faasm/${path}`, bytes] as const),
    ['.faasm/imports.txt', hostImports(kit).join('\n')],
  ]);
  const chains = chainsPointers.test(symbols);
  const isCommand = hasMain && !chains && !zygoteSymbol.test(symbols);
  const reactorObject = hasMain ? mainObject : execObject;
  const start = isCommand
    ? ['/usr/lib/wasm32-wasip1/crt1-command.o']
    : ['/usr/lib/wasm32-wasip1/crt1-reactor.o', '--entry=_initialize', `.faasm/${reactorObject}`];
  const rest = [...common.keys(), ...posix.keys()]
    .filter((path) => !chosenObjects.includes(path))
    .map((path) => `.faasm/${path}`);
  const chosen = workingDirectorySymbol.test(symbols) ? [`.faasm/${workingDirectoryObject}`] : [];
  const runtime = runtimeOf(exceptions, hasMain ? uncaught.main : uncaught.exec);
  const output = '.faasm/module.wasm';
  const run = await runLlvm(
    [
      ...['wasm-ld', '-m', 'wasm32', '-L/usr/lib/wasm32-unknown-wasip1', '-L/usr/lib/wasm32-wasip1'],
      ...[...start, ...paths, ...chosen, ...runtime.linked],
      ...['--start-lib', ...rest, ...runtime.offered, '--end-lib'],
      ...['--allow-undefined-file=.faasm/imports.txt', '--gc-sections'],
      // Names of functions stay: a backtrace is made of them.
      ...(flags.extra.includes('-g') ? [] : ['--strip-debug']),
      ...['--stack-first', '-z', `stack-size=${stackBytes}`],
      ...['--export-if-defined=_faasm_zygote', ...(chains ? pointerExports : [])],
      ...loweringFlags,
      ...flags.extra.filter(isLinkFlag).flatMap(toLinkerForm),
      ...[
        '-lc++',
        '-lc++abi',
        '-lsetjmp',
        '-ldl',
        ...emulated.map((name) => `-lwasi-emulated-${name}`),
        ...(usesLongDouble(symbols, objects) ? ['-lc-printscan-long-double'] : []),
        '-lc',
        '/usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a',
      ],
      ...['-o', output],
    ],
    tree,
    output,
  );
  if (!run.succeeded || run.output === undefined) throw buildFailure(program, run.text);
  return { wasm: run.output, text: run.text };
}

/** Of the exceptions' part: what takes the place of functions of the standard library, and what is there to be used. */
function runtimeOf(
  exceptions: LibraryObjects,
  { object, wrapped }: (typeof uncaught)[keyof typeof uncaught],
): { linked: string[]; offered: string[] } {
  if (exceptions.size === 0) return { linked: [], offered: [] };
  const others: string[] = [uncaught.main.object, uncaught.exec.object, streams.object];
  const runtime = [...exceptions.keys()].filter((path) => !others.includes(path));
  const wraps = [wrapped, streams.wrapped].map((symbol) => `--wrap=${symbol}`);
  return {
    linked: [...[...runtime, object].map((path) => `.faasm/${path}`), ...wraps, ...loweringOfExceptions],
    offered: [`.faasm/${streams.object}`],
  };
}

function toLinkerForm(flag: string): string[] {
  return flag.startsWith('-Wl,') ? flag.slice('-Wl,'.length).split(',') : [flag];
}

function entryProblem(both: boolean): string {
  return both
    ? 'It defines both main() and faasm::exec(); leave one of them out.'
    : 'Nothing to run: define `int faasm::exec(faasm::FaasmMemory* memory)`, or an ordinary main().';
}

/** Whether objects with these symbols want something that our own headers of the libc's declare. */
function usesPosix(symbols: string, kit: GuestKit): boolean {
  const texts = kit.headers
    .filter(({ path }) => path.startsWith('posix/'))
    .map(({ text }) => text.toString());
  const declared = new Set(texts.join('\n').match(/\b[a-z_]\w*(?=[([;])/g));
  return symbols.split('\n').some((line) => declared.has(/^\s+U (\w+)$/.exec(line)?.[1] ?? ''));
}

/** Programs that declare the host interface themselves, without an attribute, import it too. */
function hostImports(kit: GuestKit): string[] {
  const header = kit.headers.find(({ path }) => path === 'faasm/host_interface.h')?.text.toString() ?? '';
  return [...new Set(header.match(/\b__faasm_\w+/g))];
}
