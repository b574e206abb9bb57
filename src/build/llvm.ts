/**
 * LLVM itself: 75 MB of wasm, so it is loaded when first used, and only in the toolchain's own process.
 * A run gets a tree of files and leaves another; nothing of this machine's disk is reachable from it.
 */
import { FaasmError } from '../../proto/errors.ts';

export type Tree = { [name: string]: Tree | string | Uint8Array };

export interface LlvmRun {
  /** Of the whole tree, the file at `output`; nothing when there is none. */
  readonly output: Uint8Array<ArrayBuffer> | undefined;
  readonly succeeded: boolean;
  /** Standard output and standard error, in the order they came. */
  readonly text: string;
}

/** The package's own types leave `runClang` out. */
type Tool = typeof import('@yowasp/clang') & { readonly runClang: typeof import('@yowasp/clang').runLLVM };

/** Of one run; a program with more to say is cut short. */
const textMaxBytes = 16 * 1024 * 1024;

let tool: Promise<Tool> | undefined;

/** Resolves when the toolchain can run. */
export async function loadLlvm(): Promise<void> {
  await (tool ??= load());
}

async function load(): Promise<Tool> {
  const loaded = (await import('@yowasp/clang')) as Tool;
  await loaded.runLLVM(
    ['nm', '--version'],
    {},
    { stdout: () => {}, stderr: () => {}, fetchProgress: () => {} },
  );
  return loaded;
}

/** `clang` and `clang++` run as compilers; any other tool of LLVM by its name. `output` is a path in the tree. */
export async function runLlvm(command: readonly string[], files: Tree, output: string): Promise<LlvmRun> {
  const { runClang, runLLVM, Exit } = await (tool ??= load());
  const pieces: Uint8Array[] = [];
  let byteLength = 0;
  const listen = (bytes: Uint8Array | null): void => {
    if (bytes === null || byteLength > textMaxBytes) return;
    byteLength += bytes.length;
    pieces.push(bytes.slice());
  };
  const run = command[0]?.startsWith('clang') ? runClang : runLLVM;
  const options = { stdout: listen, stderr: listen, decodeASCII: false };
  try {
    const left = (await run([...command], files, options)) ?? {};
    return { output: fileAt(left, output), succeeded: true, text: toText(pieces) };
  } catch (thrown) {
    if (thrown instanceof Exit) return { output: undefined, succeeded: false, text: toText(pieces) };
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const text = `${command[0]} itself failed: ${reason}. The program may be too large for it, or nested too deeply.`;
    throw new FaasmError('bad_request', `${text}\n${toText(pieces)}`.trim(), { cause: thrown });
  }
}

/** A tree with these files, and the folders for them. */
export function toTree(files: Iterable<readonly [path: string, content: string | Uint8Array]>): Tree {
  const root: Tree = {};
  for (const [path, content] of files) {
    const folders = path.split('/');
    const fileName = folders.pop()!;
    let folder = root;
    for (const name of folders) {
      const found = (folder[name] ??= {});
      if (typeof found === 'string' || found instanceof Uint8Array) {
        throw new FaasmError('bad_request', `${path} cannot be a file in ${name}, which is a file too`);
      }
      folder = found;
    }
    folder[fileName] = content;
  }
  return root;
}

function fileAt(tree: Tree, path: string): Uint8Array<ArrayBuffer> | undefined {
  let at: Tree | string | Uint8Array | undefined = tree;
  for (const name of path.split('/')) {
    if (at === undefined || typeof at === 'string' || at instanceof Uint8Array) return undefined;
    at = at[name];
  }
  return at instanceof Uint8Array ? (at as Uint8Array<ArrayBuffer>) : undefined;
}

function toText(pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString('utf8');
}
