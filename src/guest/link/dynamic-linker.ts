/**
 * `dlopen` and its like: side modules that join a running program.
 *
 *   shared file -> SideModule (checked, compiled) -> memory and elements of the program's own -> instance
 *               -> its addresses known to GOT.mem and GOT.func -> relocations -> constructors
 *
 * A symbol is looked up in the program, then in what was loaded, in that order, then in the module itself; all that is
 * loaded is seen by all. What is loaded stays, as the instance that loads is not used for another call: its table has
 * changed, which no reset brings back. A failure is a null handle, and `dlerror` says why.
 */
import { posix } from 'node:path';
import { FaasmError } from '../../../proto/errors.ts';
import { wasmPageBytes } from '../../memory/port.ts';
import type { ModuleImport } from '../../wasm/inspect.ts';
import { GuestFault } from '../guest-fault.ts';
import type { Guest, ImportFunctions } from '../port.ts';
import { ErrnoFailure } from '../wasi/errno.ts';
import { resolveExisting } from '../wasi/resolve.ts';
import type { SideModule, SideModules } from './side-modules.ts';

interface Loaded {
  readonly path: string;
  readonly exports: Readonly<Record<string, unknown>>;
  /** Where its data begins, which addresses that it exports count from. */
  readonly memoryBase: number;
}

type Callable = (...parameters: number[]) => unknown;

const pathMaxBytes = 4096;
const nameMaxBytes = 4096;
const loadedMax = 64;
const programHandle = 1;
/** The handle of the first side module; the others follow. */
const firstHandle = 2;
const libraryFolder = '/lib';
/** Those that run once after the addresses are known, in this order; the first is of older toolchains. */
const initializers = ['__wasm_apply_relocs', '__wasm_apply_data_relocs', '__wasm_call_ctors'] as const;
const utf8 = new TextEncoder();

export class DynamicLinker {
  readonly #guest: Guest;
  readonly #modules: SideModules;
  readonly #moduleMaxBytes: number;
  readonly #loaded: Loaded[] = [];
  readonly #loading = new Set<string>();
  #elements: Map<unknown, number> | undefined;
  #error: string | undefined;
  #errorAt: number | undefined;

  constructor(guest: Guest, modules: SideModules, moduleMaxBytes: number) {
    this.#guest = guest;
    this.#modules = modules;
    this.#moduleMaxBytes = moduleMaxBytes;
  }

  /** The instance has changed in a way that no reset brings back. */
  get hasChanged(): boolean {
    return this.#elements !== undefined || this.#errorAt !== undefined;
  }

  readonly functions: ImportFunctions = {
    dlopen: (path: number, _mode: number): number =>
      this.#attempt(() => {
        if (path === 0) return programHandle;
        return this.#open(this.#guest.memory.cStringText(path, pathMaxBytes));
      }),

    dlsym: (handle: number, name: number): number =>
      this.#attempt(() => this.#find(handle, this.#guest.memory.cStringText(name, nameMaxBytes))),

    /** What is loaded stays. */
    dlclose: (handle: number): number => {
      const isKnown = handle === programHandle || this.#loaded[handle - firstHandle] !== undefined;
      if (!isKnown) this.#error = `Nothing is open as ${handle}`;
      return isKnown ? 0 : -1;
    },

    /** The text of the last failure, once. */
    dlerror: (): number => {
      const text = this.#error;
      this.#error = undefined;
      return text === undefined ? 0 : this.#tell(text);
    },
  };

  /** 0 for what failed but by the guest's own doing. */
  #attempt(work: () => number): number {
    try {
      return work();
    } catch (thrown) {
      const isLinking = thrown instanceof WebAssembly.LinkError || thrown instanceof RangeError;
      if (!(thrown instanceof FaasmError) && !isLinking) throw thrown;
      this.#error = (thrown as Error).message;
      return 0;
    }
  }

  #open(given: string): number {
    const path = posix.normalize(given);
    const known = this.#loaded.findIndex((side) => side.path === path);
    if (known !== -1) return firstHandle + known;
    if (this.#loading.has(path)) throw refused(path, 'it needs itself');
    if (this.#loaded.length + this.#loading.size >= loadedMax)
      throw refused(path, `a program loads at most ${loadedMax} side modules`);
    this.#loading.add(path);
    try {
      const side = this.#read(path);
      for (const needed of side.dylink.needed) this.#open(this.#findNeeded(path, needed));
      this.#load(path, side);
    } finally {
      this.#loading.delete(path);
    }
    return firstHandle + this.#loaded.findIndex((side) => side.path === path);
  }

  /** Beside the module that needs it, or in /lib. */
  #findNeeded(path: string, needed: string): string {
    const beside = posix.join(posix.dirname(path), needed);
    return this.#fileAt(beside) === undefined ? posix.join(libraryFolder, needed) : beside;
  }

  #fileAt(path: string) {
    const { tree, descriptors } = this.#guest.wasi.context;
    const cwd = descriptors.preopens.find(({ name }) => name === '.')?.directory ?? '';
    const fromRoot = path.startsWith('/') ? path.slice(1) : posix.join(cwd, path);
    try {
      const inode = resolveExisting(tree.root, fromRoot, 'always');
      return inode.kind === 'file' ? inode : undefined;
    } catch (thrown) {
      if (thrown instanceof ErrnoFailure) return undefined;
      throw thrown;
    }
  }

  #read(path: string): SideModule {
    const moduleMaxBytes = this.#moduleMaxBytes;
    const file = this.#fileAt(path);
    if (file === undefined) throw refused(path, 'there is no such file');
    const name = file.shared?.name;
    if (name === undefined) throw refused(path, 'it is no shared file, but one that the call has written');
    if (file.size > moduleMaxBytes)
      throw refused(
        path,
        `it has ${file.size} bytes and may have ${moduleMaxBytes}; raise FAASM_MODULE_MAX_BYTES`,
      );
    try {
      return this.#modules.prepare(name, () => file.content());
    } catch (thrown) {
      if (thrown instanceof FaasmError) throw refused(path, thrown.message, thrown);
      if (thrown instanceof ErrnoFailure) throw refused(path, 'it cannot be read');
      throw thrown;
    }
  }

  #load(path: string, { module, dylink, imports, start }: SideModule): void {
    this.#elementsOf(path);
    const tableBase = this.#table(path).length;
    const memoryBase = this.#allocate(path, dylink.memoryBytes);
    if (dylink.tableElements > 0) this.#grow(path, dylink.tableElements);
    const own: [global: WebAssembly.Global, wanted: ModuleImport][] = [];
    const given: Record<string, Record<string, WebAssembly.ImportValue>> = {};
    for (const wanted of imports) {
      const value = this.#provide(path, wanted, { memoryBase, tableBase }, own);
      given[wanted.module] ??= {};
      given[wanted.module]![wanted.name] = value;
    }
    const { exports } = new WebAssembly.Instance(module, given);
    const loaded: Loaded = { path, exports, memoryBase };
    for (const [global, wanted] of own) global.value = this.#ownAddress(loaded, wanted);
    for (const name of [start, ...initializers]) {
      const initialize = name === undefined ? undefined : exports[name];
      if (typeof initialize === 'function') (initialize as Callable)();
    }
    this.#loaded.push(loaded);
  }

  #provide(
    path: string,
    wanted: ModuleImport,
    { memoryBase, tableBase }: { readonly memoryBase: number; readonly tableBase: number },
    own: [WebAssembly.Global, ModuleImport][],
  ): WebAssembly.ImportValue {
    const { module, name, kind } = wanted;
    if (module === 'GOT.mem' || module === 'GOT.func') {
      const address = this.#address(wanted, path);
      const global = new WebAssembly.Global({ value: 'i32', mutable: true }, address ?? 0);
      if (address === undefined) own.push([global, wanted]);
      return global;
    }
    if (module === 'env') {
      if (name === '__memory_base')
        return new WebAssembly.Global({ value: 'i32', mutable: false }, memoryBase);
      if (name === '__table_base') return new WebAssembly.Global({ value: 'i32', mutable: false }, tableBase);
      if (name === '__stack_pointer') return this.#guest.stackPointer as WebAssembly.Global;
      if (kind === 'memory') return this.#memory(path);
      if (kind === 'table') return this.#table(path);
      const found = this.#lookup(name);
      if (found !== undefined) return found.value as WebAssembly.ImportValue;
    }
    const provided = kind === 'function' ? this.#guest.provide(wanted) : undefined;
    if (provided === undefined)
      throw refused(path, `it needs the ${kind} ${module}.${name}, which nobody has`);
    return provided;
  }

  /** Of what is loaded already. */
  #address({ module, name }: ModuleImport, path: string): number | undefined {
    const found = this.#lookup(name);
    return found && this.#toAddress(found.value, found.memoryBase, module === 'GOT.func', path);
  }

  #ownAddress(loaded: Loaded, { module, name }: ModuleImport): number {
    const { path, exports, memoryBase } = loaded;
    const address = this.#toAddress(exports[name], memoryBase, module === 'GOT.func', path);
    if (address === undefined) throw refused(path, `it needs ${name}, which nobody has`);
    return address;
  }

  #find(handle: number, name: string): number {
    const loaded = this.#loaded[handle - firstHandle];
    if (loaded === undefined && handle !== programHandle)
      throw new FaasmError('bad_request', `Nothing is open as ${handle}`);
    const path = loaded?.path ?? 'the program';
    const own = loaded?.exports[name];
    const found = own === undefined ? this.#lookup(name) : { value: own, memoryBase: loaded!.memoryBase };
    const address = found && this.#toAddress(found.value, found.memoryBase, undefined, path);
    if (address === undefined) throw new FaasmError('bad_request', `${path} has no symbol ${name}`);
    return address;
  }

  #lookup(name: string): { value: unknown; memoryBase: number } | undefined {
    const own = this.#guest.exports;
    if (Object.hasOwn(own, name)) return { value: own[name], memoryBase: 0 };
    const loaded = this.#loaded.find(({ exports }) => Object.hasOwn(exports, name));
    return loaded && { value: loaded.exports[name], memoryBase: loaded.memoryBase };
  }

  /** @param wantsFunction either, where it is not said */
  #toAddress(
    value: unknown,
    memoryBase: number,
    wantsFunction: boolean | undefined,
    path: string,
  ): number | undefined {
    if (typeof value === 'function' && wantsFunction !== false) return this.#elementOf(value, path);
    if (value instanceof WebAssembly.Global && typeof value.value === 'number' && wantsFunction !== true)
      return (value.value + memoryBase) | 0;
    return undefined;
  }

  /** Its place in the table, where it gets one if it has none. */
  #elementOf(value: unknown, path: string): number {
    const elements = this.#elementsOf(path);
    const known = elements.get(value);
    if (known !== undefined) return known;
    const index = this.#grow(path, 1, value);
    elements.set(value, index);
    return index;
  }

  #elementsOf(path: string): Map<unknown, number> {
    if (this.#elements === undefined) {
      const table = this.#table(path);
      this.#elements = new Map();
      for (let index = 0; index < table.length; index++) {
        const element: unknown = table.get(index);
        if (element !== null && !this.#elements.has(element)) this.#elements.set(element, index);
      }
    }
    return this.#elements;
  }

  #grow(path: string, count: number, value: unknown = null): number {
    try {
      return this.#table(path).grow(count, value);
    } catch (cause) {
      const why = 'the table of the program has no room; link the program with -Wl,--growable-table';
      throw refused(path, why, cause);
    }
  }

  /** Whole pages at the end of the memory, which are zeros. */
  #allocate(path: string, byteLength: number): number {
    const { memory } = this.#guest;
    this.#memory(path);
    const base = memory.all().length;
    const pages = Math.ceil(byteLength / wasmPageBytes);
    if (pages > 0 && !memory.grow(pages))
      throw refused(path, `there is no memory for ${byteLength} bytes more`);
    return base | 0;
  }

  #memory(path: string): WebAssembly.Memory {
    const { linearMemory } = this.#guest;
    if (linearMemory === undefined) throw refused(path, 'the program has no memory yet');
    return linearMemory;
  }

  #table(path: string): WebAssembly.Table {
    const { exports } = this.#guest;
    const table = [exports.__indirect_function_table, ...Object.values(exports)].find(
      (exported) => exported instanceof WebAssembly.Table,
    );
    if (table !== undefined) return table;
    throw refused(path, 'the program exports no table; link the program with -Wl,--export-table');
  }

  /** Puts it into a page of its own. */
  #tell(text: string): number {
    const { memory } = this.#guest;
    if (this.#errorAt === undefined) {
      const at = memory.all().length;
      if (!memory.grow(1)) throw new GuestFault(text);
      this.#errorAt = at;
    }
    const into = memory.bytes(this.#errorAt, wasmPageBytes);
    const { written } = utf8.encodeInto(text, into.subarray(0, -1));
    into[written] = 0;
    return this.#errorAt | 0;
  }
}

function refused(path: string, why: string, cause?: unknown): FaasmError {
  return new FaasmError('bad_module', `Cannot load ${path}: ${why}`, { cause });
}
