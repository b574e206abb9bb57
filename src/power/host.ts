/**
 * What a whole host is handed: beside time and chance, the ways to what is outside it. actors/node-powers.ts has the
 * real ones, test/sim/ those of a simulated world.
 */
import type { Readable, Writable } from 'node:stream';
import type { CallId, HostId, UserName } from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import type { NatsBusOptions } from '../bus/nats-options.ts';
import type { Bus, HostBus } from '../bus/port.ts';
import type { BegunCalls } from '../calls/begun-marks.ts';
import type { CallData } from '../calls/call-data.ts';
import type { CallQueue } from '../calls/queue-port.ts';
import type { Config } from '../config/config.ts';
import type { ExecutorSettings, ExecutorsOptions, StartExecutor } from '../executor/port.ts';
import type { FaasletTable } from '../faaslet/faaslet-budget.ts';
import type { FileStore } from '../files/port.ts';
import type { Asyncify } from '../functions/asyncify.ts';
import type { FunctionStore } from '../functions/port.ts';
import type { Preparer } from '../functions/preparer.ts';
import type { Log } from '../log.ts';
import type { UserObjects } from '../objects/user-objects.ts';
import type { Readiness } from '../readiness.ts';
import type { SocketAddress } from '../receive/socket-address.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { StateStore } from '../state/stores/port.ts';
import type { StorageWatch } from '../storage/storage-watch.ts';
import type { ModuleLimits } from '../wasm/inspect.ts';
import type { Powers } from './port.ts';

export interface HostPowers extends Powers {
  /** Joins the NATS system that the host is set to be part of. @throws FaasmError `no_responders`, `unauthorized` */
  connect(options: NatsBusOptions): Promise<Bus>;
  /** @throws FaasmError `storage_unavailable`, `storage_corrupt` */
  openStores(options: StoresOptions): Promise<Stores>;
  /** What starts the executors of a host. */
  createExecutors(options: ExecutorsOptions): StartExecutor;
  createPreparer(limits: ModuleLimits): Preparer;
  createAsyncify(): Asyncify;
  /** @throws FaasmError `conflict` when a port is in use */
  openWaysIn(options: WaysInOptions): Promise<WaysIn>;
}

export interface StoresOptions {
  readonly config: Config;
  readonly host: HostId;
  readonly readiness: Readiness;
  log(component: string): Log;
}

/** What a host keeps, here or where others keep it too. */
export interface Stores {
  readonly state: StateStore;
  /** Closed by the functions actor. */
  readonly functions: FunctionStore;
  readonly files: FileStore;
  readonly calls: CallQueue;
  /** Which asynchronous calls had begun on this host. */
  readonly begun: BegunCalls;
  /** Nothing where users have none. */
  readonly objects: UserObjects | undefined;
  /** Where input and output of calls may be. */
  readonly data: CallData;
  /** Of the disk, for executors. */
  readonly folders: Pick<ExecutorSettings, 'contentFolder' | 'begunFolder' | 'codeFolder'>;
  readonly damage: StorageWatch['damage'];
  /** Where the host has a Redis. */
  readonly redis: RedisConnection | undefined;
  close(): Promise<void>;
}

export interface WaysInOptions {
  readonly powers: Powers;
  readonly config: Config;
  readonly host: HostId;
  readonly bus: HostBus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly readiness: Readiness;
  /** What calls hold. */
  readonly memory: FaasletTable;
  readonly redis: RedisConnection | undefined;
  /** What the pipe reads and writes. @default none, and there can be no pipe */
  readonly pipe: { readonly input: Readable; readonly output: Writable } | undefined;
  newCallId(user: UserName): CallId;
  log(component: string): Log;
}

/** Where people and their programs reach the host. Ended in this order: `leave`, `close`, `end`. */
export interface WaysIn {
  /** The port to invoke at, then the port to upload at. */
  readonly httpPorts: readonly number[];
  /** Of the host's own NATS listener; none where the host is part of a NATS system. */
  readonly natsPort: number | undefined;
  /** Where the socket takes calls; nothing where there is none. */
  readonly socket: SocketAddress | undefined;
  /** Settles when the pipe has ended; never where there is none. */
  readonly pipeEnded: Promise<void>;
  /** Takes nothing new but over HTTP; resolves when what was taken is answered, after at most so long. */
  leave(timeoutMs: number): Promise<void>;
  /** Takes nothing new; resolves when what was taken is answered, after at most so long. */
  close(timeoutMs: number): Promise<void>;
  /** Hangs up. */
  end(): Promise<void>;
}
