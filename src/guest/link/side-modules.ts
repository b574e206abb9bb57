/** Side modules ready to be instantiated, for one executor: checked and rewritten as an upload is, and compiled once. */
import { LRUCache } from 'lru-cache';
import { FaasmError } from '../../../proto/errors.ts';
import { bodiesToTry, describeBodies } from '../../wasm/compile-limits.ts';
import { inspectScan, type ModuleImport } from '../../wasm/inspect.ts';
import { memoryPagesMax } from '../../wasm/limits.ts';
import { rewriteScan } from '../../wasm/rewrite.ts';
import { type ModuleScan, scanModule } from '../../wasm/scan.ts';
import type { SideModuleLimits } from '../port.ts';
import { type Dylink, readDylink } from './dylink.ts';

export interface SideModule {
  readonly module: WebAssembly.Module;
  readonly dylink: Dylink;
  readonly imports: readonly ModuleImport[];
  /** Export name of its start function. */
  readonly start: string | undefined;
}

const keptMax = 64;

export class SideModules {
  readonly #limits: SideModuleLimits;
  readonly #known = new LRUCache<string, SideModule>({ max: keptMax });

  constructor(limits: SideModuleLimits) {
    this.#limits = limits;
  }

  /**
   * @param name of the content: equal names, equal contents
   * @throws FaasmError `bad_module`, `unsupported_module`
   */
  prepare(name: string, content: () => Uint8Array): SideModule {
    let known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, (known = prepare(content(), this.#limits)));
    return known;
  }
}

function prepare(
  bytes: Uint8Array,
  { tableMaxElements, compileMaxBytes }: Pick<SideModuleLimits, 'tableMaxElements' | 'compileMaxBytes'>,
): SideModule {
  // The memory of the program has its limit already.
  const limits = { memoryMaxPages: memoryPagesMax, tableMaxElements };
  const scan = scanModule(bytes);
  checkCost(scan, compileMaxBytes);
  const { imports, memories } = inspectScan(scan, limits);
  if (memories.some(({ imported }) => !imported))
    throw new FaasmError(
      'bad_module',
      'It has a memory: a side module has that of its program, and none of its own',
    );
  const { bytes: rewritten, start } = rewriteScan(scan, limits);
  const module = compile(rewritten);
  return { module, dylink: readDylink(module), imports, start };
}

/** An upload is tried where its code does not say what it takes; a program that runs cannot wait for that. */
function checkCost(scan: ModuleScan, compileMaxBytes: number): void {
  const costly = bodiesToTry(scan, { compileMaxBytes });
  if (costly.length === 0) return;
  const largest = describeBodies(scan, costly);
  throw new FaasmError(
    'bad_module',
    `To compile it may take more than ${Math.round(compileMaxBytes / 2 ** 20)} MiB of memory; split it, or raise FAASM_COMPILE_MAX_MIB. ${largest}`,
  );
}

function compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    throw new FaasmError('bad_module', `Not a valid WebAssembly module: ${(cause as Error).message}`, {
      cause,
    });
  }
}
