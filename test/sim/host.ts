/** A host of a simulated world: the real one, with powers that are none. It dies, stands still and comes back. */
import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { startHost } from '../../actors/start.ts';
import { createAskHost } from '../../src/asks/asks.ts';
import type { Bus } from '../../src/bus/port.ts';
import { CallData } from '../../src/calls/call-data.ts';
import type { CallQueue } from '../../src/calls/queue-port.ts';
import { type Config, toConfig } from '../../src/config/config.ts';
import { readSettings } from '../../src/config/read.ts';
import type { FileStore } from '../../src/files/port.ts';
import type { Preparer } from '../../src/functions/preparer.ts';
import { createFunctionStore } from '../../src/functions/store.ts';
import type { Host } from '../../src/host/port.ts';
import type { Log } from '../../src/log.ts';
import type { HostPowers, Stores } from '../../src/power/host.ts';
import type { StateStore } from '../../src/state/stores/port.ts';
import type { BlobStore } from '../../src/storage/blobs.ts';
import { createSimExecutors, type ExecutorFaults, type ExecutorObserver, type Script } from './executor.ts';
import { createSimFiles } from './named-bytes.ts';
import type { SimNetwork } from './network.ts';
import { createSimPowers } from './powers.ts';
import type { SimRandom } from './random.ts';
import type { SimValues } from './state-store.ts';
import { createSimCallQueue, faulty, SimBegun, type StoreFaults } from './stores.ts';
import { Life, type World } from './world.ts';

/** What all hosts of a world share. */
export interface Shared {
  readonly world: World;
  readonly network: SimNetwork;
  readonly values: SimValues;
  /** Whether values are where all hosts have them. */
  readonly isShared: boolean;
  readonly functions: BlobStore;
  readonly storeFaults: StoreFaults;
  readonly executorFaults: ExecutorFaults;
  readonly observer: ExecutorObserver;
  readonly scripts: Readonly<Record<string, Script>>;
  /** How much clocks may be wrong: of a second, and at once. */
  readonly clocks: { readonly driftMax: number; readonly offsetMaxMs: number };
}

export const limits = {
  callTimeoutMs: 4000,
  activeCallsMax: 12,
  asyncCallsMax: 6,
  callsPerUserMax: 40,
  drainTimeoutMs: 3000,
};

export function createSimConfig(name: string): Config {
  const environment = {
    FAASM_HOST_NAME: name,
    FAASM_DATA: '/sim',
    NATS_URL: 'nats://sim:4222',
    FAASM_FUNCTIONS: '/sim/functions',
    FAASM_STATE: 'redis',
    FAASM_REDIS_URL: 'redis://sim:6379',
    FAASM_MEMORY: 'copy',
    FAASM_CALL_TIMEOUT_MS: `${limits.callTimeoutMs}`,
    FAASM_ACTIVE_CALLS_MAX: `${limits.activeCallsMax}`,
    FAASM_ASYNC_CALLS_MAX: `${limits.asyncCallsMax}`,
    FAASM_CALLS_PER_USER_MAX: `${limits.callsPerUserMax}`,
    FAASM_QUEUED_CALLS_MAX: '60',
    FAASM_EXECUTORS_MAX: '6',
    FAASM_CHAIN_DEPTH_MAX: '4',
    FAASM_DRAIN_DELAY_MS: '200',
    FAASM_DRAIN_TIMEOUT_MS: `${limits.drainTimeoutMs}`,
    FAASM_STATE_LOCK_LEASE_MS: '2000',
  };
  const settings = readSettings({ environment }).settings;
  return toConfig(settings, { cores: 2 });
}

const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Log;
const supervisorMs = 500;
const sweptWithinMs = 100;
/** An empty module. */
const anyModule = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));

export class SimHost {
  readonly name: string;
  readonly #shared: Shared;
  readonly #random: SimRandom;
  readonly #config: Config;
  readonly #calls: { readonly queue: CallQueue; readonly db: DatabaseSync } = createSimCallQueue();
  readonly #begun = new SimBegun();
  readonly #files: FileStore = createSimFiles();
  /** That of the present run, and those of its executors. */
  #lives: Life[] = [];
  #runs = 0;
  phase: 'down' | 'starting' | 'up' | 'frozen' | 'stopping' = 'down';
  host: Host | undefined;
  /** Where clients reach it while it is up. */
  bus: Bus | undefined;
  log: (component: string) => Log = () => noLog;

  constructor(name: string, shared: Shared) {
    this.name = name;
    this.#shared = shared;
    this.#random = shared.world.random.fork();
    this.#config = createSimConfig(name);
  }

  get db(): DatabaseSync {
    return this.#calls.db;
  }

  get attemptsMax(): number {
    return this.#config.calls.attemptsMax;
  }

  /** Timers that it has set. */
  get timers(): string[] {
    const all = this.#lives.filter(({ isAlive }) => isAlive).flatMap(({ pending }) => [...pending]);
    return all.filter(({ what }) => what.startsWith('timer')).map(({ what, by = '' }) => `${what} ${by}`);
  }

  /** Starts it, again and again until it is up. */
  start(): void {
    const { world } = this.#shared;
    this.phase = 'starting';
    const life = new Life(`${this.name}.${++this.#runs}`);
    this.#lives = [life];
    world.trace(`${life.name} starts`);
    startHost(this.#config, {
      powers: this.#createPowers(life),
      log: (component) => this.log(component),
    }).then(
      (host) => {
        if (!life.isAlive) return;
        this.host = host;
        this.phase = 'up';
        world.trace(`${life.name} is up`);
      },
      (error: unknown) => {
        if (!life.isAlive) return;
        world.trace(`${life.name} failed: ${error}`);
        this.die();
        world.after(supervisorMs, world.own, 'start again', () => this.phase === 'down' && this.start());
      },
    );
  }

  /** As one whose power was cut. */
  die(isClean = false): void {
    const { world, network } = this.#shared;
    this.phase = 'down';
    this.host = undefined;
    this.bus = undefined;
    const [life] = this.#lives;
    if (life === undefined) return;
    world.trace(`${life.name} dies`);
    for (const one of this.#lives) one.isAlive = false;
    this.#lives = [];
    this.#shared.values.disconnect(life.name);
    this.onGone(this.name, isClean);
    const noticedMs = this.#random.chance(0.5) ? 0 : this.#random.between(0, 3000);
    world.after(noticedMs, world.own, 'the server notices', () => {
      for (const connection of network.connectionsOf(life)) connection.vanish();
    });
  }

  onGone: (host: string, isClean: boolean) => void = () => {};

  freeze(): void {
    this.phase = 'frozen';
    for (const life of this.#lives) this.#shared.world.freeze(life);
  }

  thaw(): void {
    if (this.phase !== 'frozen') return;
    this.phase = 'up';
    for (const life of this.#lives) this.#shared.world.thaw(life);
  }

  cut(noticedAfterMs: number): void {
    for (const connection of this.#connections()) connection.cut(noticedAfterMs);
  }

  heal(): void {
    for (const connection of this.#connections()) connection.heal();
  }

  /** @throws what the host does not stop with */
  async stop(): Promise<void> {
    const { host } = this;
    const [life] = this.#lives;
    if (host === undefined || life === undefined || this.phase !== 'up') return;
    const { world } = this.#shared;
    this.phase = 'stopping';
    world.trace(`${life.name} drains`);
    await host.stop();
    if (!life.isAlive) return;
    world.trace(`${life.name} has stopped`);
    // A client may have asked as it closed: that is looked through once more.
    await world.sleep(sweptWithinMs);
    if (!life.isAlive) return;
    const left = this.timers;
    this.die(true);
    if (left.length > 0) world.violated(`${life.name} has stopped, and this is left: ${left.join(', ')}`);
  }

  #connections() {
    const [life] = this.#lives;
    return life === undefined ? [] : this.#shared.network.connectionsOf(life);
  }

  #createPowers(life: Life): HostPowers {
    const { world, network, clocks, executorFaults, observer, scripts } = this.#shared;
    const random = this.#random.fork();
    const clock = {
      drift: random.between(-clocks.driftMax, clocks.driftMax),
      offsetMs: Math.round(random.between(-clocks.offsetMaxMs, clocks.offsetMaxMs)),
    };
    const powers = createSimPowers(world, life, clock, random.fork());
    const hosted = this.name;
    return {
      ...powers,
      connect: async (options) => network.connect(life, powers, options),
      openStores: async ({ config }) => this.#openStores(life, random.fork(), config),
      createExecutors: ({ privateBus }) =>
        createSimExecutors({
          world,
          host: hosted,
          random: random.fork(),
          faults: executorFaults,
          observer,
          scripts,
          ask: createAskHost(privateBus),
          createLife: (id) => {
            const own = new Life(`${life.name}.${id}`);
            // A run that has ended takes its executors along.
            own.isAlive = life.isAlive;
            own.frozen = life.frozen === undefined ? undefined : [];
            this.#lives.push(own);
            return { life: own, timers: createSimPowers(world, own, clock, random.fork()).timers };
          },
          mark: (id, attempt) => this.#begun.mark({ id, attempt }),
        }),
      createPreparer: () => preparer,
      createAsyncify: () => ({ rewrite: async ({ bytes }) => bytes, close() {} }),
      openWaysIn: async ({ bus }) => {
        this.bus = bus;
        return {
          httpPorts: [],
          natsPort: undefined,
          socket: undefined,
          pipeEnded: new Promise(() => {}),
          leave: async () => {
            this.bus = undefined;
          },
          close: async () => {},
          end: async () => {},
        };
      },
    };
  }

  #openStores(life: Life, random: SimRandom, config: Config): Stores {
    const { world, values, isShared, functions, storeFaults: faults } = this.#shared;
    const options = { world, life, random, faults };
    const state: StateStore = values.connect(
      life.name,
      (watcher, name) => {
        world.after(random.between(0.1, 2), life, 'state changed', () => watcher.changed(name));
      },
      isShared,
    );
    const locks = state.locks && faulty(state.locks, { ...options, name: 'locks', mayBeDone: true });
    const watched = faulty(state, { ...options, name: 'state', mayBeDone: true, plain: ['watch', 'close'] });
    return {
      state: new Proxy(watched, {
        get: (target, member) => (member === 'locks' ? locks : Reflect.get(target, member)),
      }),
      functions: createFunctionStore(
        faulty(functions, { ...options, name: 'functions', mayBeDone: true, plain: ['close'] }),
      ),
      files: faulty(this.#files, { ...options, name: 'files', mayBeDone: false }),
      calls: faulty(this.#calls.queue, {
        ...options,
        name: 'calls',
        mayBeDone: false,
        plain: ['close', 'shrink'],
      }),
      begun: this.#begun,
      objects: undefined,
      data: new CallData({
        redis: undefined,
        s3: config.s3,
        grants: config.grants,
        inputMaxBytes: config.inputMaxBytes,
      }),
      folders: { contentFolder: '/sim/files', begunFolder: '/sim/begun', codeFolder: '/sim/code' },
      damage: () => [],
      redis: undefined,
      close: async () => {
        values.disconnect(life.name);
      },
    };
  }
}

/** Takes any bytes as a module: what a function does is its script. */
const preparer: Preparer = {
  async prepare(_user, bytes) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return {
      sha256,
      prepared: {
        module: anyModule,
        imports: [],
        layout: {
          entry: '_start',
          entryParameters: 0,
          initializers: [],
          memory: undefined,
          mutableGlobals: [],
          deniedGrowth: undefined,
          catches: false,
          restorable: true,
        },
        signature: ':',
        fingerprint: sha256,
      },
    };
  },
  async close() {},
};
