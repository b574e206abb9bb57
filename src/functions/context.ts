/** What the use cases of functions are handed. */
import type { ControlSubjects } from '../../proto/control-subjects.ts';
import type { HostId } from '../../proto/names.ts';
import type { Gates } from '../bus/gates.ts';
import type { Bus } from '../bus/port.ts';
import type { Announcer } from '../hosts/announcer.ts';
import type { Log } from '../log.ts';
import type { Powers } from '../power/port.ts';
import type { Asyncify } from './asyncify.ts';
import type { ComingFunctions } from './coming.ts';
import type { FunctionsState } from './decide.ts';
import type { FunctionStore } from './port.ts';
import type { PreparedModules } from './prepared-modules.ts';
import type { FunctionPrograms } from './programs.ts';

export interface FunctionsConfig {
  readonly host: HostId;
  /** Where the store is, as in HostStores. */
  readonly store: string;
  /** A host that was silent for so long is not waited for. */
  readonly hostSilentMs: number;
  /** How often to look what other hosts have changed; 0 where no other host has this store. */
  readonly refreshMs: number;
  /** The largest module that is taken. */
  readonly moduleMaxBytes: number;
  /** Of one user. */
  readonly functionsPerUserMax: number;
  /** Older versions than so many are dropped. */
  readonly versionsKept: number;
  /** An initialisation that takes longer is run in every call instead, within the call's time. */
  readonly initializeTimeoutMs: number;
}

/** From outside the actor. */
export interface FunctionsPorts {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly control: ControlSubjects;
  readonly store: FunctionStore;
  readonly asyncify: Asyncify;
  /** @default none */
  readonly coming?: Pick<ComingFunctions, 'check'> | undefined;
  readonly config: FunctionsConfig;
  readonly log: Log;
}

export interface FunctionsContext extends FunctionsPorts {
  readonly state: FunctionsState;
  readonly announcer: Announcer;
  readonly modules: PreparedModules;
  readonly programs: FunctionPrograms;
  /** Changes of one function, by `user/name`, and of one module, by its sha256. */
  readonly gates: Gates;
}
