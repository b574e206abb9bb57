/** A function version made ready to run: what an executor needs to make Faaslets of it. Can be posted to a thread. */
import type { FunctionSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { FunctionImport } from '../guest/imports.ts';
import type { SavedDescriptor } from '../guest/wasi/saved-descriptors.ts';
import type { MemoryImage, PreparedImage } from '../memory/port.ts';

export interface Program {
  /** Of `programKey`; Faaslets are kept by it, so that no two functions ever share one, even of the same bytes. */
  readonly key: string;
  /** Of FunctionVersion. */
  readonly version: string;
  readonly user: UserName;
  readonly function: FunctionName;
  readonly settings: FunctionSettings;
  /** The rewritten module: its mutable globals and its memory are exported, its start function too. */
  readonly module: WebAssembly.Module;
  readonly imports: readonly FunctionImport[];
  readonly layout: ProgramLayout;
  /** The state after initialisation; without one, every call has a new instance that initialises itself. */
  readonly proto: ProtoFaaslet | undefined;
}

/** Under which names the rewritten module exports what the engine needs. */
export interface ProgramLayout {
  /** The function that a call runs. */
  readonly entry: string;
  /** How many i32 the entry takes; each is given 0. */
  readonly entryParameters: number;
  /** What runs once before the entry, in this order: the start function, `_initialize`, `_faasm_zygote`. */
  readonly initializers: readonly string[];
  readonly memory: string | undefined;
  readonly mutableGlobals: readonly string[];
  /** A global that holds the number of pages that was last asked for in vain. */
  readonly deniedGrowth: string | undefined;
  /** Whether it has handlers for exceptions, which would catch those of host functions too. */
  readonly catches: boolean;
  /** Whether memory and globals are all that a call can change. */
  readonly restorable: boolean;
}

/** The snapshot that Faaslets start from and are reset to. */
export interface ProtoFaaslet {
  /** Nothing for a module without a memory. */
  readonly image: PreparedImage | undefined;
  /** Of `mutableGlobals`, in their order. */
  readonly globals: readonly GlobalValue[];
  /** Of a command that is booted once. */
  readonly boot?: BootState | undefined;
}

/** What initialisation left behind; posted to the main thread, which makes the Proto-Faaslet of it. */
export interface InitializedState extends Booted {
  readonly image: MemoryImage | undefined;
  readonly globals: readonly GlobalValue[];
}

/** What a boot leaves beside memory and globals: one of the two. */
export interface Booted {
  readonly boot?: BootState | undefined;
  /** Of one whose module is not rewritten yet: whose frames were on its stack at its first read. */
  readonly stack?: readonly number[] | undefined;
}

/** Of a command that is booted once (boot.ts). */
export interface BootState {
  /** Of Asyncify's stack in the linear memory. */
  readonly pointer: number;
  /** What it had written to its standard output. */
  readonly output: Uint8Array;
  /** Nothing where those are open that every call begins with. */
  readonly descriptors: readonly SavedDescriptor[] | undefined;
}

export function programKey(user: UserName, name: FunctionName, version: string): string {
  return `${user}/${name}@${version}`;
}

export type GlobalValue = number | bigint | null;
