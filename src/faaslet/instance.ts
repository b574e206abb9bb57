/** An instance of a program's module: what it imports, out of the capabilities of guests, and what it exports. */
import type { CallContext } from '../guest/call-context.ts';
import { deliver } from '../guest/deliver.ts';
import { GuestMemory } from '../guest/guest-memory.ts';
import { canWait, type FunctionImport, findCapability, findImport } from '../guest/imports.ts';
import type { Capability, CreateFunctions, Guest, GuestFunctions } from '../guest/port.ts';
import { beyondCatching } from '../guest/uncatchable.ts';
import type { Wasi } from '../guest/wasi/wasi.ts';
import type { MemoryPort } from '../memory/port.ts';
import type { ModuleImport } from '../wasm/inspect.ts';
import { Pages } from './pages.ts';
import type { GlobalValue, Program } from './program.ts';
import { WaitingFunctions } from './suspension.ts';

export interface InstanceParts {
  readonly memory: MemoryPort;
  /** Opened for this executor. */
  readonly capabilities: ReadonlyMap<Capability, CreateFunctions>;
  readonly call: CallContext;
  createWasi(memory: GuestMemory): Wasi;
}

export type Entry = (...parameters: (number | bigint)[]) => unknown;

export class Instance implements Guest {
  readonly program: Program;
  readonly memory = new GuestMemory();
  readonly call: CallContext;
  readonly wasi: Wasi;
  readonly waiting = new WaitingFunctions();
  readonly exports: Readonly<Record<string, unknown>>;
  readonly linearMemory: WebAssembly.Memory | undefined;
  readonly pages: Pages;
  readonly #capabilities: InstanceParts['capabilities'];
  readonly #created = new Map<Capability, GuestFunctions>();
  readonly #isSuspendable: boolean;
  readonly #catches: boolean;
  readonly #globals: readonly WebAssembly.Global[];
  readonly #denied: WebAssembly.Global | undefined;

  /** @throws what instantiation throws: a link error, a table over the limit, no memory */
  constructor(program: Program, { memory: port, capabilities, call, createWasi }: InstanceParts) {
    const { module, imports, layout } = program;
    this.program = program;
    this.call = call;
    this.wasi = createWasi(this.memory);
    this.#capabilities = capabilities;
    this.#isSuspendable = canWait(imports);
    this.#catches = layout.catches || imports.some((wanted) => findCapability(wanted)?.loadsCode === true);
    this.exports = new WebAssembly.Instance(module, this.#imports(imports)).exports;
    const memory = layout.memory === undefined ? undefined : this.exports[layout.memory];
    if (memory instanceof WebAssembly.Memory) {
      this.linearMemory = memory;
      this.memory.attach(memory);
    }
    this.pages = new Pages(port, this.linearMemory);
    this.#globals = layout.mutableGlobals.map((name) => this.exports[name] as WebAssembly.Global);
    this.#denied =
      layout.deniedGrowth === undefined
        ? undefined
        : (this.exports[layout.deniedGrowth] as WebAssembly.Global);
  }

  /** An exported function; where the module can wait, one that can be suspended. */
  function(name: string): Entry {
    return this.enter(this.exports[name] as Entry);
  }

  enter(entry: Entry): Entry {
    return this.#isSuspendable ? (WebAssembly.promising(entry) as Entry) : entry;
  }

  /** The first mutable global, as clang has it, where it has no name. */
  get stackPointer(): unknown {
    return this.exports.__stack_pointer ?? this.#globals[0];
  }

  /** Of `mutableGlobals`, in their order; nothing where one of them cannot be kept. */
  get globals(): readonly GlobalValue[] | undefined {
    const values = this.#globals.map((global) => global.value as unknown);
    return values.every(isGlobalValue) ? values : undefined;
  }

  setGlobals(values: readonly GlobalValue[]): void {
    for (let at = 0; at < values.length; at++) this.#globals[at]!.value = values[at];
  }

  /** Pages that were last asked for in vain. */
  get deniedPages(): number {
    return Number(this.#denied?.value ?? 0) >>> 0;
  }

  forgetDeniedPages(): void {
    if (this.#denied !== undefined) this.#denied.value = 0;
  }

  /** The guest has come to its end, which counts once this is done; nothing where there is nothing to do. */
  finish(): Promise<unknown> | undefined {
    const left = [...this.#created.values()].flatMap((functions) => functions.finish?.() ?? []);
    return left.length === 0 ? undefined : Promise.all(left);
  }

  /** The call is over, however it ended. */
  reset(): void {
    for (const functions of this.#created.values()) functions.reset?.();
  }

  /** In a way that no reset brings back. */
  get hasChanged(): boolean {
    for (const functions of this.#created.values()) if (functions.hasChanged?.() === true) return true;
    return false;
  }

  deliver(bytes: Uint8Array): number {
    return deliver(this.memory, this.exports.malloc, bytes);
  }

  /** What waits is there only where the program itself can be suspended. */
  provide({ module, name, signature }: ModuleImport): WebAssembly.ImportValue | undefined {
    if (signature === undefined) return undefined;
    const wanted = { module, name, signature };
    const spec = findImport(wanted);
    return spec === undefined || (spec.waits && !this.#isSuspendable) ? undefined : this.#import(wanted);
  }

  #imports(wantedImports: readonly FunctionImport[]): WebAssembly.Imports {
    const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
    for (const wanted of wantedImports) {
      const value = this.#import(wanted);
      if (value === undefined) continue;
      imports[wanted.module] ??= {};
      imports[wanted.module]![wanted.name] = value;
    }
    return imports;
  }

  #import(wanted: FunctionImport): WebAssembly.ImportValue | undefined {
    const capability = findCapability(wanted);
    const provided = capability && this.#functionsOf(capability).functions[wanted.name];
    if (provided === undefined) return undefined;
    const host = this.#catches ? beyondCatching(provided) : provided;
    return findImport(wanted)?.waits === true ? this.waiting.toImport(host) : host;
  }

  #functionsOf(capability: Capability): GuestFunctions {
    let created = this.#created.get(capability);
    if (created === undefined)
      this.#created.set(capability, (created = this.#capabilities.get(capability)!(this)));
    return created;
  }
}

function isGlobalValue(value: unknown): value is GlobalValue {
  return typeof value === 'number' || typeof value === 'bigint' || value === null;
}
