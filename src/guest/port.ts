/**
 * A guest capability: one thing that guests can do, such as chaining or WASI, as a set of imports with functions behind
 * them. Its imports are known without an instance, so that an upload can be checked against them.
 *
 *   capabilities.ts   the list of all
 *   open(host)        once for each executor: what its Faaslets share, such as the state that is in memory
 *   create(guest)     once for each Faaslet whose module imports any of it
 */
import type { FunctionSettings, StateAccess } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { AttachedMemory } from '../memory/port.ts';
import type { ModuleImport } from '../wasm/inspect.ts';
import type { Signature } from '../wasm/types.ts';
import type { CallContext } from './call-context.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Wasi } from './wasi/wasi.ts';

export interface Capability {
  /** Which import module it is imported from. */
  readonly module: string;
  /** Where names have several forms, several tables; the import's own type tells which is meant. */
  readonly imports: readonly ImportTable[];
  /** What it loads into the program may catch what the host throws to end the call. */
  readonly loadsCode?: true;
  open(host: GuestHost): CreateFunctions;
}

export type CreateFunctions = (guest: Guest) => GuestFunctions;

/** What is behind the imports, for one Faaslet. */
export interface GuestFunctions {
  /** By import name. */
  readonly functions: ImportFunctions;
  /** The guest has come to its end, which counts once this is done; nothing where there is nothing to do. @throws FaasmError */
  finish?(): Promise<void> | undefined;
  /** The call is over, however it ended. */
  reset?(): void;
  /** Whether the instance is not as it was, which no reset brings back. */
  hasChanged?(): boolean;
}

export interface ImportSpec {
  readonly signature: Signature;
  /** It may return a promise: the Faaslet is then suspended, and its entry has to be suspendable. */
  readonly waits: boolean;
}

/** Import name to what it is, for one import module name such as `wasi_snapshot_preview1`. */
export type ImportTable = Readonly<Record<string, ImportSpec>>;

export const answers = (signature: Signature): ImportSpec => ({ signature, waits: false });
export const waits = (signature: Signature): ImportSpec => ({ signature, waits: true });

/**
 * The functions themselves, for one Faaslet. What a promise gives may be a function, which gives the result: it is called
 * when the guest may go on, and may call into the guest itself, as for memory of its `malloc`.
 */
// biome-ignore lint/suspicious/noExplicitAny: their parameters are what the signature says
export type ImportFunctions = Record<string, (...args: any[]) => any>;

/** What an executor has for all its guests. */
export interface GuestHost {
  /** The executor, by the name under which what it holds is freed when it ends. */
  readonly owner: string;
  readonly ask: AskHost;
  readonly config: ReadonlyMap<string, string>;
  /** Where neither a function nor a call of the API says. */
  readonly stateAccess: StateAccess;
  readonly sideModules: SideModuleLimits;
}

/** Of a side module. */
export interface SideModuleLimits {
  readonly maxBytes: number;
  /** Elements that its tables together may start with. */
  readonly tableMaxElements: number;
  /** That the compilation of its functions may take, each by itself. */
  readonly compileMaxBytes: number;
}

/** Asks a service of the host. @param user whose call asks @param body and the answer are those of the service @throws FaasmError */
export type AskHost = (service: string, op: string, user: UserName, body: unknown) => Promise<unknown>;

/** One Faaslet, as its capabilities see it. */
export interface Guest {
  readonly program: {
    readonly user: UserName;
    readonly function: FunctionName;
    readonly version: string;
    readonly settings: FunctionSettings;
  };
  readonly memory: GuestMemory;
  /** What runs in it now. */
  readonly call: CallContext;
  /** Its files and streams. */
  readonly wasi: Wasi;
  /** There before any of it runs, but not when its functions are created; what follows too. */
  readonly exports: Readonly<Record<string, unknown>>;
  readonly linearMemory: WebAssembly.Memory | undefined;
  readonly stackPointer: unknown;
  readonly pages: GuestPages;
  /** Copies bytes into memory that the guest's own `malloc` gives. @returns their address, 0 for none @throws GuestFault */
  deliver(bytes: Uint8Array): number;
  /** What of the host another module imports, as the program itself would have it; nothing for what is not provided. */
  provide(wanted: ModuleImport): WebAssembly.ImportValue | undefined;
}

/** The pages under its linear memory. */
export interface GuestPages {
  /** Whether segments of state can be seen in them. */
  readonly canMapSegments: boolean;
  /** Ready to have windows. @throws FaasmError */
  attached(): AttachedMemory;
}
