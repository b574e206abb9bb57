/** Objects to a module, inside the toolchain's process. */
import { buildFailure, refuseSymbols } from './diagnose.ts';
import type { GuestKit } from './guest-kit.ts';
import { runLlvm, toTree } from './llvm.ts';
import type { BuildFlags } from './options.ts';

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

/** What the host calls a function of this module with, and then writes out its stdio streams with. */
const pointerExports = ['--export-table', '--export-if-defined=__wasm_call_dtors'];

/**
 * `setjmp` by the exception handling of wasm. Code that does not use it stays as it is.
 * The compiler is told with `-mllvm`, and so is the linker, which compiles what was built with `-flto`.
 */
export const enableSetjmp = '-wasm-enable-sjlj';

/** Of POSIX, what WASI has nothing for and libc does within the guest; in headers only for those who ask. */
export const emulated = ['getpid', 'mman', 'process-clocks', 'signal'];

export const isLinkFlag = (flag: string): boolean => /^-(?:l|L|Wl,)/.test(flag);

/**
 * `main` makes a WASI command; `faasm::exec` makes a reactor, whose constructors run in `_initialize`, before the
 * snapshot is taken. So does `main` with a zygote, or with functions that are called by pointer.
 * Of the library only what is used is linked.
 * @throws FaasmError `bad_request`
 */
export async function link(
  objects: readonly LinkedFile[],
  library: ReadonlyMap<string, Uint8Array>,
  kit: GuestKit,
  flags: Pick<BuildFlags, 'extra'>,
): Promise<{ wasm: Uint8Array<ArrayBuffer>; text: string }> {
  const tree = toTree([
    ...objects.map(({ path, bytes }) => [path, bytes] as const),
    ...[...library].map(([path, bytes]) => [`.faasm/${path}`, bytes] as const),
    ['.faasm/imports.txt', hostImports(kit).join('\n')],
  ]);
  const paths = objects.map(({ path }) => path);
  const program = paths.map((path) => path.replace(/(\.c\w*)\.o$/, '$1')).join(', ');

  const symbols = (await runLlvm(['nm', ...paths], tree, '')).text;
  const hasMain = mainSymbol.test(symbols);
  if (hasMain === execSymbol.test(symbols)) throw buildFailure(program, entryProblem(hasMain));
  const refusal = refuseSymbols(symbols);
  if (refusal !== undefined) throw buildFailure(program, refusal);

  const chains = chainsPointers.test(symbols);
  const isCommand = hasMain && !chains && !zygoteSymbol.test(symbols);
  const reactorObject = hasMain ? mainObject : execObject;
  const start = isCommand
    ? ['/usr/lib/wasm32-wasip1/crt1-command.o']
    : ['/usr/lib/wasm32-wasip1/crt1-reactor.o', '--entry=_initialize', `.faasm/${reactorObject}`];
  const rest = [...library.keys()]
    .filter((path) => !chosenObjects.includes(path))
    .map((path) => `.faasm/${path}`);
  const chosen = workingDirectorySymbol.test(symbols) ? [`.faasm/${workingDirectoryObject}`] : [];
  const output = '.faasm/module.wasm';
  const run = await runLlvm(
    [
      ...['wasm-ld', '-m', 'wasm32', '-L/usr/lib/wasm32-unknown-wasip1', '-L/usr/lib/wasm32-wasip1'],
      ...[...start, ...paths, ...chosen, '--start-lib', ...rest, '--end-lib'],
      ...['--allow-undefined-file=.faasm/imports.txt', '--gc-sections'],
      // Names of functions stay: a backtrace is made of them.
      ...(flags.extra.includes('-g') ? [] : ['--strip-debug']),
      ...['--stack-first', '-z', `stack-size=${stackBytes}`],
      ...['--export-if-defined=_faasm_zygote', ...(chains ? pointerExports : [])],
      ...['-mllvm', enableSetjmp],
      ...flags.extra.filter(isLinkFlag).flatMap(toLinkerForm),
      ...[
        '-lc++',
        '-lc++abi',
        '-lsetjmp',
        ...emulated.map((name) => `-lwasi-emulated-${name}`),
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

function toLinkerForm(flag: string): string[] {
  return flag.startsWith('-Wl,') ? flag.slice('-Wl,'.length).split(',') : [flag];
}

function entryProblem(both: boolean): string {
  return both
    ? 'It defines both main() and faasm::exec(); leave one of them out.'
    : 'Nothing to run: define `int faasm::exec(faasm::FaasmMemory* memory)`, or an ordinary main().';
}

/** Programs that declare the host interface themselves, without an attribute, import it too. */
function hostImports(kit: GuestKit): string[] {
  const header = kit.headers.find(({ path }) => path === 'faasm/host_interface.h')?.text.toString() ?? '';
  return [...new Set(header.match(/\b__faasm_\w+/g))];
}
