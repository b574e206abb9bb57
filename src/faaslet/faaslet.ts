/**
 * A Faaslet: one instance of a function version, which runs one call at a time and is put back to its snapshot after.
 *
 *   instantiate -> initialize | attach the Proto-Faaslet -> run -> reset -> run -> … -> thrown away
 *
 * What a call can change is its memory, its mutable globals and what the host holds for it; all three are put back.
 * A Faaslet that cannot be put back for certain (a trap, a grown memory, a module that is not restorable) is not
 * used again.
 */
import type { CallError, ResponseHead } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import {
  type CallArguments,
  type FunctionSettings,
  noSettings,
  type StateAccess,
} from '../../proto/function-settings.ts';
import {
  type AskUserObjects,
  CallContext,
  type CallLimits,
  type CallSettings,
  type ChainedCall,
  type HeldMemory,
} from '../guest/call-context.ts';
import { toCgiEnvironment } from '../guest/cgi/request.ts';
import { toResponse } from '../guest/cgi/response.ts';
import { createChain } from '../guest/chain/chain.ts';
import { deliver, type Malloc } from '../guest/chain/deliver.ts';
import type { SharedFiles, UserFiles } from '../guest/files/shared-files.ts';
import { createFoundingStart, type FoundingStart } from '../guest/founding-start.ts';
import { toReturnedError, toThrownError } from '../guest/guest-error.ts';
import { GuestExit } from '../guest/guest-fault.ts';
import { GuestMemory } from '../guest/guest-memory.ts';
import { canWait, type FunctionImport, findImport } from '../guest/imports.ts';
import { createIo } from '../guest/io/io.ts';
import { DynamicLinker } from '../guest/link/dynamic-linker.ts';
import type { SideModules } from '../guest/link/side-modules.ts';
import { createObjects } from '../guest/objects/objects.ts';
import type { ImportFunctions } from '../guest/port.ts';
import { createProcess } from '../guest/process/process.ts';
import { createState } from '../guest/state/state.ts';
import { StateWindows } from '../guest/state/state-windows.ts';
import { createSystem } from '../guest/system.ts';
import { beyondCatching, toThrown } from '../guest/uncatchable.ts';
import type { Preopen } from '../guest/wasi/descriptors.ts';
import { mayBeDirectory } from '../guest/wasi/file-tree.ts';
import { toPreopens } from '../guest/wasi/preopens.ts';
import type { FileLimits, FileTree, Tree } from '../guest/wasi/tree.ts';
import { createWasi, type Wasi, type WasiCall, type WasiPowers } from '../guest/wasi/wasi.ts';
import { type AttachedMemory, hostPageBytes, type MemoryImage, type MemoryPort } from '../memory/port.ts';
import type { LocalTier } from '../state/tier/local-tier.ts';
import type { ModuleImport } from '../wasm/inspect.ts';
import { BootInput, BootStackFound, type BootState, refused, resume, toResumedInput } from './boot.ts';
import type { GlobalValue, Program, ProtoFaaslet } from './program.ts';

/** What a host gives its Faaslets. */
export interface FaasletPowers {
  readonly memory: MemoryPort;
  readonly state: LocalTier;
  readonly objects: AskUserObjects;
  readonly wasi: WasiPowers;
  readonly files: SharedFiles;
  readonly sideModules: SideModules;
  readonly fileLimits: FileLimits;
  readonly limits: CallLimits;
  /** @default any amount may be held */
  readonly held?: HeldMemory;
  readonly stateAccess: StateAccess;
  readonly config: ReadonlyMap<string, string>;
  /** @default the root and the working directory */
  readonly preopens?: readonly Preopen[];
  /** In place of a call's input, output and kept standard error. */
  readonly streams?: Pick<WasiCall, 'stdin' | 'stdout' | 'stderr'>;
  /** Of its entry, in place of zeros; what it gives is `returned`, and no return value of a call. */
  readonly invocation?: {
    readonly parameters: readonly (number | bigint)[];
    returned(results: unknown): void;
  };
}

/** How a Faaslet tells that its guest waits, and asks to go on. */
export interface Suspension {
  /** The guest waits. */
  left(): void;
  /** What it waited for is there: `go` lets it go on. */
  back(go: () => void): void;
}

export interface Outcome {
  /** Of a call that failed: what it had put out until then. */
  readonly output: Uint8Array;
  readonly returnValue: number;
  readonly error: CallError | undefined;
  /** Chained calls that are still to be made; none after a failure. */
  readonly chains: readonly ChainedCall[];
  readonly stderr: string | undefined;
  /** Of a CGI program. */
  readonly response: ResponseHead | undefined;
}

/** What initialisation left behind; posted to the main thread, which makes the Proto-Faaslet of it. */
export interface InitializedState {
  readonly image: MemoryImage | undefined;
  readonly globals: readonly GlobalValue[];
  /** Of a command that is booted once. */
  readonly boot?: BootState | undefined;
  /** Of one whose module is not rewritten yet: whose frames were on its stack at its first read. */
  readonly stack?: readonly number[] | undefined;
}

type Entry = (...parameters: (number | bigint)[]) => unknown;

const wasiModules = ['wasi_snapshot_preview1', 'wasi_unstable'] as const;

export class Faaslet {
  readonly program: Program;
  readonly #powers: FaasletPowers;
  readonly #memory = new GuestMemory();
  readonly #context: CallContext;
  readonly #wasi: Wasi;
  readonly #exports: Record<string, unknown>;
  readonly #linearMemory: WebAssembly.Memory | undefined;
  readonly #globals: readonly WebAssembly.Global[];
  readonly #denied: WebAssembly.Global | undefined;
  readonly #suspendable: boolean;
  readonly #entry: Entry;
  readonly #entryParameters: readonly (number | bigint)[];
  readonly #founding: FoundingStart | undefined;
  readonly #windows: StateWindows;
  readonly #started: CallArguments;
  readonly #streams: Pick<WasiCall, 'stdout' | 'stderr'>;
  readonly #isCgi: boolean;
  readonly #linker: DynamicLinker | undefined;
  readonly #files: UserFiles;
  #shown: FileTree;
  #suspension: Suspension = { left() {}, back: (go) => go() };
  #attached: AttachedMemory | undefined;
  #proto: ProtoFaaslet | undefined;
  #failed = false;
  #abandoned = false;
  #resets = 0;
  #heldPages = 0;
  /** Since its last reset. */
  #counted = false;
  #booted: Pick<InitializedState, 'boot' | 'stack'> = {};

  /** @throws what instantiation throws: a link error, a table over the limit, no memory */
  constructor(program: Program, powers: FaasletPowers) {
    this.program = program;
    this.#powers = powers;
    this.#context = new CallContext(powers.limits, powers.state, powers.objects, powers.held);
    const { settings } = program;
    this.#isCgi = settings.cgi === true;
    this.#files = powers.files.of(program.user);
    this.#shown = this.#files.now();
    this.#wasi = createWasi(this.#memory, powers.wasi, {
      files: this.#shown,
      limits: powers.fileLimits,
      preopens: this.#preopens(),
    });
    this.#started = {
      args: [settings.argv0 ?? program.function, ...settings.args],
      env: toEnvironment(settings),
    };
    this.#streams = powers.streams ?? {
      stdout: (bytes) => this.#context.writeStdout(bytes),
      stderr: (bytes) => this.#context.writeStderr(bytes),
    };
    this.#suspendable = canWait(program.imports);
    this.#windows = new StateWindows({
      memory: this.#memory,
      canMap: powers.memory.canMapSegments,
      attached: () => this.#attachedMemory(),
    });

    this.#linker = program.imports.some(isDynamicLinking) ? this.#createLinker() : undefined;
    this.#exports = new WebAssembly.Instance(
      program.module,
      this.#imports(program.imports, this.#linker?.functions),
    ).exports;
    const { layout } = program;
    const memory = layout.memory === undefined ? undefined : this.#exports[layout.memory];
    if (memory instanceof WebAssembly.Memory) {
      this.#linearMemory = memory;
      this.#memory.attach(memory);
    }
    this.#globals = layout.mutableGlobals.map((name) => this.#exports[name] as WebAssembly.Global);
    this.#denied =
      layout.deniedGrowth === undefined
        ? undefined
        : (this.#exports[layout.deniedGrowth] as WebAssembly.Global);
    this.#entry = this.#function(layout.entry);
    this.#entryParameters =
      powers.invocation?.parameters ?? new Array<number>(layout.entryParameters).fill(0);
    this.#founding =
      layout.entry === 'main' && powers.invocation === undefined
        ? createFoundingStart(program.imports, this.#memory, this.#globals[0], this.#exports)
        : undefined;
  }

  /** From now on a reset shows this snapshot; nothing is run for it. @throws FaasmError `no_capacity` */
  attach(proto: ProtoFaaslet): void {
    if (proto.image !== undefined && this.#linearMemory !== undefined) {
      this.#attached = this.#powers.memory.attach(this.#linearMemory, proto.image);
    }
    this.#restoreGlobals(proto.globals);
    this.#proto = proto;
  }

  /** Runs the start function, the constructors and the zygote. The error of a failure, or nothing. */
  async initialize(settings: CallSettings, suspension: Suspension): Promise<CallError | undefined> {
    try {
      this.#begin(settings, suspension);
      for (const name of this.program.layout.initializers) {
        const initialize = this.#function(name);
        await initialize();
        suspension.left();
        await new Promise<void>((resolve) => suspension.back(resolve));
      }
      if (this.program.settings.bootOnce) this.#booted = await this.#boot(settings, suspension);
      // What was denied to initialisation is no reason for what happens in a call.
      if (this.#denied !== undefined) this.#denied.value = 0;
      return undefined;
    } catch (caught) {
      this.#failed = true;
      const thrown = toThrown(caught);
      return toThrownError(
        thrown instanceof GuestExit
          ? new FaasmError('guest_returned', `its initialisation exited with ${thrown.code}`)
          : thrown,
        this.#guestState(0),
      );
    }
  }

  /** What initialisation left, or nothing when it left what cannot be carried over to another instance. */
  capture(): InitializedState | undefined {
    if (this.#booted.stack !== undefined) return { image: undefined, globals: [], ...this.#booted };
    if (!this.program.layout.restorable || this.#linker?.hasChanged) return undefined;
    const globals = this.#globals.map((global) => global.value as unknown);
    if (!globals.every(isGlobalValue)) return undefined;
    const image =
      this.#linearMemory === undefined ? undefined : this.#powers.memory.capture(this.#linearMemory);
    return { image, globals, ...this.#booted };
  }

  /** Runs the entry until the guest first reads its input. @throws FaasmError `bad_module` */
  async #boot(
    settings: CallSettings,
    suspension: Suspension,
  ): Promise<Pick<InitializedState, 'boot' | 'stack'>> {
    const { module, imports, layout } = this.program;
    if (this.#linearMemory === undefined || !layout.restorable) throw refused('it cannot be put back');
    if (this.#isCgi) throw refused('a CGI program learns of its request before it reads it');
    const other = imports.find((wanted) => !(wasiModules as readonly string[]).includes(wanted.module));
    if (other !== undefined)
      throw refused(`it is no mere WASI command, but imports ${other.module}.${other.name}`);
    const input = new BootInput(module, this.#exports, this.#linearMemory);
    this.#begin(settings, suspension, input);
    try {
      await this.#entry(...this.#entryParameters);
    } catch (caught) {
      const thrown = toThrown(caught);
      if (thrown instanceof BootStackFound) return { stack: thrown.stack };
      if (thrown instanceof GuestExit)
        throw refused(`it exited with ${thrown.code} before it read its input`);
      throw thrown;
    }
    const pointer = input.unwound();
    try {
      return { boot: { pointer, output: this.#context.output(), descriptors: this.#wasi.saveDescriptors() } };
    } catch (cause) {
      throw cause instanceof TypeError ? refused(cause.message, cause) : cause;
    }
  }

  #resume({ pointer, output, descriptors }: BootState): void {
    const changed = descriptors && this.#wasi.restoreDescriptors(descriptors);
    if (changed !== undefined) {
      const text = `It was booted with /${changed}, which has changed since; deploy it again`;
      throw new FaasmError('conflict', text);
    }
    if (output.length > 0) this.#streams.stdout(output);
    resume(this.#exports, pointer);
  }

  /** Runs one call. An outcome that needed no waiting is given as it is, without a promise. */
  run(settings: CallSettings, suspension: Suspension): Outcome | Promise<Outcome> {
    try {
      const boot = this.#proto?.boot;
      const { pointer } = settings;
      if (boot === undefined || pointer !== undefined) this.#begin(settings, suspension);
      else {
        this.#begin(settings, suspension, toResumedInput(this.#exports, settings.input));
        this.#resume(boot);
      }
      const returned = pointer === undefined ? this.#callEntry() : this.#callPointer(pointer);
      if (!(returned instanceof Promise)) return this.#returned(returned);
      return returned.then(
        (value) => (this.#context.holdsLocks ? this.#unlockThenReturn(value) : this.#returned(value)),
        (thrown) => this.#threw(thrown),
      );
    } catch (thrown) {
      return this.#threw(thrown);
    }
  }

  /** What was written under a lock counts once that was given back. */
  #unlockThenReturn(value: unknown): Promise<Outcome> {
    return this.#context.unlockAll().then(
      () => this.#returned(value),
      (thrown) => this.#threw(thrown),
    );
  }

  #callEntry(): unknown {
    if (this.#founding === undefined) return this.#entry(...this.#entryParameters);
    return this.#callMain(this.#founding);
  }

  async #callMain({ passArguments, flush }: FoundingStart): Promise<unknown> {
    const takesArguments = this.program.layout.entryParameters === 2;
    const returned = await this.#entry(
      ...(takesArguments ? passArguments(this.#wasi.context.call.args) : []),
    );
    if (flush !== undefined) await this.#enter(flush.entry)(...flush.parameters);
    return returned;
  }

  /** A function of the table, and then the destructors, which write out what streams of libc hold. */
  async #callPointer(index: number): Promise<unknown> {
    const table = Object.values(this.#exports).find((each) => each instanceof WebAssembly.Table);
    const found: unknown = table !== undefined && index < table.length ? table.get(index) : undefined;
    if (typeof found !== 'function') {
      const why = table === undefined ? 'exports no table' : `has no function at ${index} of its table`;
      throw new FaasmError('chain_refused', `The module ${why}, which was chained by pointer`);
    }
    const returned = await this.#enter(found as Entry)(...new Array<number>(found.length).fill(0));
    if (typeof this.#exports.__wasm_call_dtors === 'function') await this.#function('__wasm_call_dtors')();
    return returned;
  }

  /** Forgets the call. Whether the Faaslet can run another one. */
  reset(): boolean {
    this.#context.reset();
    this.#windows.reset();
    if (this.#failed || this.#proto === undefined || this.#linker?.hasChanged) return false;
    this.#wasi.reset();
    if (this.#attached !== undefined && !this.#attached.reset()) return false;
    this.#restoreGlobals(this.#proto.globals);
    this.#resets++;
    if (this.#counted || (this.#resets & (this.#resets - 1)) === 0) this.countPages();
    this.#counted = false;
    return true;
  }

  /** Pages of real memory that it held when it was last counted: after its 1st, 2nd, 4th, 8th … reset, or as it waited. */
  get heldPages(): number {
    return this.#heldPages;
  }

  /** It will not be used again: its pages are free at once, whenever the instance is collected. */
  close(): void {
    this.#attached?.discard();
  }

  /** Looks how much memory it holds. */
  countPages(): void {
    this.#heldPages = Math.ceil((this.#attached?.residentBytes() ?? 0) / hostPageBytes);
    this.#counted = true;
  }

  /** Of its linear memory, whether it holds it or not. */
  get memoryBytes(): number {
    return this.#linearMemory?.buffer.byteLength ?? 0;
  }

  /** The call will never go on, whatever it waits for. */
  abandon(): void {
    this.#abandoned = true;
    this.#failed = true;
  }

  /** Whether its initialisation has to run first, because no snapshot shows what it leaves. */
  get needsInitialization(): boolean {
    return this.#proto === undefined && this.program.layout.initializers.length > 0;
  }

  /** As the call has them. */
  get files(): Tree {
    return this.#wasi.tree;
  }

  get context(): CallContext {
    return this.#context;
  }

  /** Its memory, ready to have windows; one that no snapshot lies under is its own snapshot. */
  #attachedMemory(): AttachedMemory {
    if (this.#attached !== undefined) return this.#attached;
    if (this.#linearMemory === undefined) throw new FaasmError('guest_trapped', 'The module has no memory');
    const { memory } = this.#powers;
    const own = memory.prepare(memory.capture(this.#linearMemory));
    this.#attached = memory.attach(this.#linearMemory, own);
    memory.discard(own);
    return this.#attached;
  }

  #begin(settings: CallSettings, suspension: Suspension, stdin: WasiCall['stdin'] = settings.input): void {
    this.#suspension = suspension;
    this.#context.begin(settings);
    const files = this.#files.now();
    if (files !== this.#shown) this.#show(files);
    const { args, env } = settings.given === undefined ? this.#started : this.#startedWith(settings.given);
    this.#wasi.begin({
      args,
      env: this.#isCgi ? this.#toRequest(settings) : env,
      stdin: this.#powers.streams?.stdin ?? stdin,
      stdout: this.#streams.stdout,
      stderr: this.#streams.stderr,
    });
  }

  #show(files: FileTree): void {
    this.#shown = files;
    this.#wasi.show(files, this.#preopens());
  }

  #preopens(): readonly Preopen[] {
    const { preopens } = this.#powers;
    if (preopens !== undefined) return preopens;
    const { cwd } = this.program.settings;
    if (mayBeDirectory(this.#shown, cwd.slice(1))) return toPreopens(cwd, this.#shown);
    throw new FaasmError('conflict', `Its working directory ${cwd} is, or is in, a shared file`);
  }

  #toRequest({ input, given, request }: CallSettings): CallArguments['env'] {
    const { user, function: name } = this.program;
    const own = this.#started.env;
    return toCgiEnvironment({ user, name, request, inputBytes: input.length, given: given?.env ?? {}, own });
  }

  #startedWith({ args, env }: CallArguments): CallArguments {
    return { args: [...this.#started.args, ...args], env: { ...env, ...this.#started.env } };
  }

  #returned(value: unknown): Outcome {
    const { invocation } = this.#powers;
    if (invocation !== undefined) {
      invocation.returned(value);
      return this.#ended(0);
    }
    return this.#ended(typeof value === 'number' ? value : 0);
  }

  #threw(caught: unknown): Outcome {
    const thrown = toThrown(caught);
    if (thrown instanceof GuestExit) return this.#ended(thrown.code);
    this.#failed = true;
    return {
      output: this.#context.output(),
      returnValue: 1,
      error: toThrownError(thrown, this.#guestState(this.#context.pending().length)),
      chains: [],
      stderr: this.#context.stderr(),
      response: undefined,
    };
  }

  #ended(returnValue: number): Outcome {
    const chains = this.#context.pending();
    const error = this.#isAnswer(returnValue)
      ? undefined
      : toReturnedError(returnValue, this.#guestState(chains.length));
    const outcome: Outcome = {
      output: this.#context.output(),
      returnValue,
      error,
      chains: error === undefined ? chains : [],
      stderr: this.#context.stderr(),
      response: undefined,
    };
    return this.#isCgi && error === undefined ? this.#responded(outcome) : outcome;
  }

  #isAnswer(returnValue: number): boolean {
    return returnValue === 0 || this.program.settings.exitCodes?.includes(returnValue) === true;
  }

  #responded(outcome: Outcome): Outcome {
    try {
      const { body, head } = toResponse(outcome.output);
      return { ...outcome, output: body, response: head };
    } catch (thrown) {
      return this.#threw(thrown);
    }
  }

  #guestState(droppedChains: number) {
    const { user, function: name } = this.program;
    return {
      name: `${user}/${name}`,
      deniedPages: Number(this.#denied?.value ?? 0) >>> 0,
      memoryPages: (this.#linearMemory?.buffer.byteLength ?? 0) / 65536,
      stderr: this.#context.stderr(),
      output: this.#context.output(),
      droppedChains,
    };
  }

  #restoreGlobals(values: readonly GlobalValue[]): void {
    for (let at = 0; at < values.length; at++) this.#globals[at]!.value = values[at];
  }

  /** An exported function; where the module can wait, one that can be suspended. */
  #function(name: string): Entry {
    return this.#enter(this.#exports[name] as Entry);
  }

  #enter(entry: Entry): Entry {
    return this.#suspendable ? (WebAssembly.promising(entry) as Entry) : entry;
  }

  #createLinker(): DynamicLinker {
    const { sideModules, limits } = this.#powers;
    return new DynamicLinker({
      memory: this.#memory,
      wasi: this.#wasi.context,
      modules: sideModules,
      moduleMaxBytes: limits.moduleMaxBytes,
      program: () => ({
        exports: this.#exports,
        memory: this.#linearMemory,
        stackPointer: this.#exports.__stack_pointer ?? this.#globals[0],
      }),
      host: (wanted) => this.#sideImport(wanted),
    });
  }

  /** One that waits is there for a program alone that can be suspended. */
  #sideImport({ module, name, signature }: ModuleImport): WebAssembly.ImportValue | undefined {
    if (signature === undefined) return undefined;
    const wanted = { module, name, signature };
    const spec = findImport(wanted);
    if (spec === undefined || (spec.waits && !this.#suspendable)) return undefined;
    return this.#imports([wanted], this.#linker?.functions)[module]?.[name];
  }

  #imports(wantedImports: readonly FunctionImport[], linking: ImportFunctions = {}): WebAssembly.Imports {
    const namesOf = (module: string): string[] =>
      wantedImports.filter((wanted) => wanted.module === module).map(({ name }) => name);
    const provided: Record<string, ImportFunctions> = {
      env: {
        ...createIo(this.#memory, this.#context, this.#powers.config),
        ...createChain(this.#memory, this.#context, this.program, () => this.#malloc()),
        ...createState(
          this.#memory,
          this.#context,
          this.#windows,
          this.program.settings.stateAccess ?? this.#powers.stateAccess,
        ),
        ...createObjects(this.#memory, this.#context, (bytes) =>
          deliver(this.#memory, this.#malloc(), bytes),
        ),
        ...createProcess(this.#memory, this.#context),
        ...linking,
        ...createSystem(namesOf('env'), this.#memory, this.#context, this.#wasi.context),
      },
    };
    for (const module of wasiModules) provided[module] = this.#wasi.pick(namesOf(module), module);
    const imports: Record<string, Record<string, unknown>> = {};
    // What a program loads may catch what was thrown for it.
    const catches = this.program.layout.catches || this.#linker !== undefined;
    for (const wanted of wantedImports) {
      const provider = provided[wanted.module]?.[wanted.name];
      if (provider === undefined) continue;
      const host = catches ? beyondCatching(provider) : provider;
      const waits = findImport(wanted)?.waits === true;
      imports[wanted.module] ??= {};
      imports[wanted.module]![wanted.name] = waits ? new WebAssembly.Suspending(this.#waiting(host)) : host;
    }
    return imports as unknown as WebAssembly.Imports;
  }

  /** A host function that tells of its waiting, and never comes back to a call that was abandoned. */
  #waiting(host: ImportFunctions[string]): ImportFunctions[string] {
    return (...parameters) => {
      const value: unknown = host(...parameters);
      if (!(value instanceof Promise)) return value;
      const suspension = this.#suspension;
      suspension.left();
      return new Promise((resolve, reject) => {
        const back = (go: () => void) => {
          if (!this.#abandoned) suspension.back(go);
        };
        value.then(
          (result) => back(() => goOn(resolve, reject, result)),
          (error) => back(() => reject(error)),
        );
      });
    };
  }

  #malloc(): Malloc {
    const { malloc } = this.#exports;
    return typeof malloc === 'function' ? (malloc as (byteLength: number) => unknown) : undefined;
  }
}

/** With what is given, or with what the given function makes inside the guest. */
function goOn(resolve: (result: unknown) => void, reject: (error: unknown) => void, result: unknown): void {
  try {
    resolve(typeof result === 'function' ? result() : result);
  } catch (thrown) {
    reject(thrown);
  }
}

function isDynamicLinking({ module, name }: FunctionImport): boolean {
  return module === 'env' && /^dl(?:open|sym|close|error)$/.test(name);
}

/** With the working directory as programs ask for it, where it is not the root. */
function toEnvironment({ env, cwd }: FunctionSettings): CallArguments['env'] {
  return cwd === noSettings.cwd ? env : { PWD: cwd, ...env };
}

function isGlobalValue(value: unknown): value is GlobalValue {
  return typeof value === 'number' || typeof value === 'bigint' || value === null;
}
