/** A function version made ready to run: what an executor needs to make Faaslets of it. Can be posted to a thread. */
import type { FunctionSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { FunctionImport } from '../guest/imports.ts';
import type { PreparedImage } from '../memory/port.ts';
import type { BootState } from './boot.ts';

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

export function programKey(user: UserName, name: FunctionName, version: string): string {
  return `${user}/${name}@${version}`;
}

export type GlobalValue = number | bigint | null;
