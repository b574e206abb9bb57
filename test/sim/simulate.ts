/**
 * A cluster from its beginning to its end under one seed: hosts start, functions are uploaded, clients ask while faults
 * happen; then faults end, and all that was promised is to be kept.
 */
import { toFunctionName, toStateKey, toUserName, type UserName } from '../../proto/names.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { fromErrorHeaders } from '../../src/bus/error-headers.ts';
import { type Bus, toBytes } from '../../src/bus/port.ts';
import type { Log } from '../../src/log.ts';
import { Client } from './client.ts';
import { noExecutorFaults } from './executor.ts';
import { createScripts, functionNames } from './guests.ts';
import { limits, type Shared, SimHost } from './host.ts';
import { Ledger } from './ledger.ts';
import { createSimBlobs } from './named-bytes.ts';
import { noNetworkFaults, SimNetwork } from './network.ts';
import { createSimPowers } from './powers.ts';
import { SimValues } from './state-store.ts';
import { noStoreFaults } from './stores.ts';
import { epochMs, Life, World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** @default as the seed says, 1 to 4 */
  readonly hosts?: number | undefined;
  /** Virtual, while there are faults. @default 30 */
  readonly seconds?: number | undefined;
  /** Says where timers were set that are left. @default false */
  readonly tracksTimers?: boolean;
  /** Told of everything that happens. */
  readonly onEvent?: ((text: string) => void) | undefined;
  readonly log?: ((host: string, component: string) => Log) | undefined;
}

export interface Simulation {
  readonly seed: number;
  readonly hash: string;
  readonly violations: readonly string[];
  readonly events: number;
  readonly virtualMs: number;
  readonly counts: ReadonlyMap<string, number>;
}

const subjects = createPublicSubjects();
const users = ['ann', 'bob', 'cat'].map(toUserName);
/** All that is under way has ended so long after the last fault: attempts at a call, each with its time, and pauses. */
const endWithinMs = 15 * 60_000;

export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const world = new World(options.seed);
  const { random } = world;
  world.tracksTimers = options.tracksTimers ?? false;
  world.onEvent = (text) => options.onEvent?.(`${world.nowMs.toFixed(3).padStart(12)} ${text}`);
  const isCalm = random.chance(0.25);
  const ledger = new Ledger(world, isCalm);
  const network = new SimNetwork(world);
  const values = new SimValues(() => epochMs + world.nowMs, ledger);
  const count = options.hosts ?? 1 + random.below(4);
  const shared: Shared = {
    world,
    network,
    values,
    isShared: count > 1 || random.chance(0.5),
    functions: createSimBlobs(() => epochMs + world.nowMs),
    storeFaults: { ...noStoreFaults },
    executorFaults: { ...noExecutorFaults },
    observer: ledger,
    scripts: createScripts(ledger),
    clocks: isCalm ? { driftMax: 0, offsetMaxMs: 0 } : { driftMax: 1e-3, offsetMaxMs: 2000 },
  };
  const hosts = Array.from({ length: count }, (_, at) => new SimHost(`h${at + 1}`, shared));
  for (const host of hosts) {
    host.onGone = (name, isClean) => ledger.hostGone(name, isClean);
    host.log = (component) => options.log?.(host.name, component) ?? silent;
    host.start();
  }
  const allUp = (): boolean => hosts.every(({ phase }) => phase === 'up');
  if (!(await world.until(allUp, 60_000))) world.violated('hosts did not start within a minute');
  await upload();

  const clients = users.flatMap((user) =>
    Array.from(
      { length: 1 + random.below(3) },
      (_, at) =>
        new Client({
          world,
          hosts,
          wire: connect(`${user}.c${at}`),
          ledger,
          user,
          name: `c${at}`,
          isUploader: at === 0,
          areAllReached: isCalm || hosts.length === 1,
          random: random.fork(),
          pauseMaxMs: random.pick([20, 200, 1000]),
        }),
    ),
  );
  const chaosMs = (options.seconds ?? 30) * 1000;
  // A slow network is no fault.
  if (isCalm) Object.assign(network.faults, { lateness: random.pick([0, 0.3]), lateMs: 50 });
  const chaos = isCalm ? () => {} : begin();
  await world.run(chaosMs);
  chaos();
  await quiet();
  await probe();
  await end();
  return {
    seed: options.seed,
    hash: world.hash,
    violations: world.violations,
    events: world.events,
    virtualMs: world.nowMs,
    counts: ledger.counts,
  };

  function connect(name: string): Bus {
    const life = new Life(name);
    const powers = createSimPowers(world, life, { drift: 0, offsetMs: 0 }, random.fork());
    return network.connect(life, powers, { url: 'nats://sim:4222' });
  }

  async function upload(): Promise<void> {
    let done = false;
    const all = users.flatMap((user) =>
      functionNames.map(async (name) => {
        for (const host of hosts) {
          if (host.host === undefined) continue;
          const module = Buffer.from(`${user}/${name}`);
          const { live } = await host.host.upload(user, toFunctionName(name), module);
          if (name === 'versioned') ledger.acknowledgedWrite(ledger.begunUpload(user, live));
          return;
        }
      }),
    );
    const uploaded = Promise.all(all).then(
      () => (done = true),
      (error: unknown) => world.violated(`an upload failed: ${error}`),
    );
    await world.until(() => done, 60_000);
    if (!done) world.violated('uploads did not end within a minute');
    await uploaded;
  }

  /** Faults, one after the other. @returns what ends them */
  function begin(): () => void {
    const { storeFaults, executorFaults } = shared;
    let isOver = false;
    const level = random.pick([0.2, 1, 3]);
    Object.assign(storeFaults, {
      failure: random.pick([0, 0.002, 0.02]) * level,
      lateness: random.pick([0, 0.02]) * level,
      lateMs: random.pick([50, 500, 3000]),
    });
    Object.assign(executorFaults, {
      death: random.pick([0, 0.003, 0.02]) * level,
      narrow: random.pick([0, 0.2]) * level,
    });
    Object.assign(network.faults, {
      loss: random.pick([0, 0.002, 0.02]) * level,
      repeat: random.pick([0, 0, 0.01]) * level,
      overtake: random.pick([0, 0, 0.05]) * level,
      lateness: random.pick([0, 0.05]) * level,
      lateMs: random.pick([20, 200, 2000]),
    });
    const next = (): void => {
      if (isOver) return;
      mishap();
      world.after(random.between(100, 6000 / level), world.own, 'mishap', next);
    };
    world.after(random.between(100, 3000), world.own, 'mishap', next);
    return () => {
      isOver = true;
      Object.assign(storeFaults, noStoreFaults);
      Object.assign(executorFaults, noExecutorFaults);
      Object.assign(network.faults, noNetworkFaults);
      for (const host of hosts) {
        host.thaw();
        host.heal();
        if (host.phase === 'down') host.start();
      }
    };
  }

  function mishap(): void {
    const host = random.pick(hosts);
    const forMs = random.between(50, 8000);
    const kind = random.below(4);
    const later = (what: string, work: () => void): void => void world.after(forMs, world.own, what, work);
    if (kind === 0 && host.phase !== 'down') {
      host.die();
      later('comes back', () => host.phase === 'down' && host.start());
    } else if (kind === 1 && host.phase === 'up') {
      host.freeze();
      world.trace(`${host.name} stands still`);
      later('goes on', () => {
        world.trace(`${host.name} goes on`);
        host.thaw();
      });
    } else if (kind === 2) {
      host.cut(random.between(0, 2000));
      world.trace(`${host.name} is cut off`);
      later('is connected again', () => host.heal());
    } else if (kind === 3 && host.phase === 'up') {
      host.stop().catch((error: unknown) => {
        world.trace(`${host.name} did not stop well: ${error}`);
        host.die();
      });
      later('comes back', () => host.phase === 'down' && host.start());
    }
  }

  /** Nothing new is asked, nothing is wrong: what is under way ends. */
  async function quiet(): Promise<void> {
    for (const client of clients) client.stop();
    let left = clients.length;
    for (const client of clients) {
      client.ended.then(
        () => left--,
        (error: unknown) =>
          world.violated(`a client failed: ${error instanceof Error ? error.stack : error}`),
      );
    }
    await world.until(() => {
      for (const host of hosts) if (host.phase === 'down') host.start();
      return left === 0 && allUp();
    }, 120_000);
    if (left > 0) world.violated(`${left} clients have no answer, two minutes after the last fault`);
    if (!allUp()) world.violated('hosts did not come back within two minutes');
    const open = (): string[] =>
      hosts.flatMap(({ name, db }) =>
        db
          .prepare('SELECT function, id, state FROM call WHERE endedAtMs IS NULL')
          .all()
          .map((row) => `${row.function} ${row.id} of ${name} is ${row.state}`),
      );
    const idle = (): boolean => hosts.every(({ host }) => host?.callsUnderWay() === 0);
    let look = 0;
    const isOver = (): boolean => look++ % 1000 === 0 && open().length === 0 && idle();
    if (world.violations.length === 0 && !(await world.until(isOver, endWithinMs)))
      world.violated(
        `a quarter of an hour after the last fault ${[...open(), ...hosts.map(({ name, host }) => `${name} has ${host?.callsUnderWay()} under way`)].join(', ')}`,
      );
  }

  /** All places are free again: each user can have all that it may have at once, on each host. */
  async function probe(): Promise<void> {
    ledger.isQuiet = true;
    for (const host of hosts) {
      for (const user of users) {
        await askAtOnce(host, user, 'echo', limits.callsPerUserMax);
        // Locks are free, and chained calls have their turns.
        await askAtOnce(host, user, 'count', 1);
        await askAtOnce(host, user, 'awaits', 3);
      }
    }
  }

  async function askAtOnce({ name, bus }: SimHost, user: UserName, fn: string, times: number): Promise<void> {
    if (world.violations.length > 0) return;
    let left = times;
    for (let at = 0; at < times; at++) {
      const input = `${user}.probe of ${name} ${at}`;
      const subject = subjects.invoke(user, toFunctionName(fn));
      bus!.request(subject, Buffer.from(input), { timeoutMs: 30_000 }).then(
        (answer) => {
          left--;
          const failure = fromErrorHeaders(answer);
          if (failure === undefined) ledger.answered(user, fn, input, toBytes(answer.body));
          else world.violated(`${name} fails ${fn} when all is well: ${failure}`);
        },
        (error: unknown) => world.violated(`${name} does not answer ${fn} when all is well: ${error}`),
      );
    }
    if (!(await world.until(() => left === 0, 60_000)))
      world.violated(`${left} calls of ${fn} have no answer when all is well`);
  }

  async function end(): Promise<void> {
    if (world.violations.length > 0) return;
    let stopping = hosts.length;
    for (const host of hosts) {
      host.stop().then(
        () => stopping--,
        (error: unknown) => world.violated(`${host.name} did not stop well: ${error}`),
      );
    }
    if (!(await world.until(() => stopping === 0, 60_000)))
      world.violated(`${stopping} hosts did not stop within a minute`);
    ledger.checkQueues(hosts);
    for (const user of users) {
      for (const key of ['log-0', 'log-1'].map(toStateKey))
        ledger.checkTokens(user, key, values.read(user, key), true);
      const appended = toStateKey('appended');
      ledger.checkTokens(user, appended, values.read(user, appended), false);
      for (const { name } of hosts) {
        const key = toStateKey(`scribble-${name}`);
        const value = values.read(user, key);
        ledger.seenValue(`${user}/${key}`, value && Buffer.from(value).toString(), world.nowMs);
      }
      const count = toStateKey('count');
      ledger.checkCount(user, count, values.read(user, count));
    }
  }
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Log;
