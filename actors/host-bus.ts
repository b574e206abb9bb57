/**
 * The buses that the actors of a host are on. The public one is embedded alone, or has the bus of the NATS system beside
 * it that the host is part of. The private one is in this process, and nobody outside can say or hear anything there.
 */
import type { ControlSubjects } from '../proto/control-subjects.ts';
import { FaasmError } from '../proto/errors.ts';
import type { HostId } from '../proto/names.ts';
import type { PublicSubjects } from '../proto/public-subjects.ts';
import { describeStreams, findAnsweringStreams, watchStreams } from '../src/bus/answering-streams.ts';
import { createClusterBus } from '../src/bus/cluster.ts';
import { Drops } from '../src/bus/drops.ts';
import { createMemoryBus, type MemoryBusOptions } from '../src/bus/memory.ts';
import type { BusStatus, NatsBusOptions } from '../src/bus/nats-options.ts';
import type { Bus, HostBus } from '../src/bus/port.ts';
import { reportUnhandled } from '../src/bus/report-unhandled.ts';
import { signHosts } from '../src/bus/signed.ts';
import type { Config } from '../src/config/config.ts';
import type { Log } from '../src/log.ts';
import type { HostPowers } from '../src/power/host.ts';
import type { Readiness } from '../src/readiness.ts';

export interface HostBusOptions {
  readonly powers: HostPowers;
  readonly config: Config;
  readonly host: HostId;
  readonly subjects: PublicSubjects;
  readonly control: ControlSubjects;
  readonly readiness: Readiness;
  readonly log: Log;
  /** Ends the wait for a NATS system that is not there yet. */
  readonly signal: AbortSignal;
  /** Told whether other hosts can be reached. */
  onReach(reachable: boolean): void;
}

export interface HostBuses {
  readonly bus: HostBus;
  readonly privateBus: Bus;
}

const retryMs = 1000;

/** @throws FaasmError `no_responders` when no NATS server is there in time, `unauthorized`, `conflict` */
export async function openHostBuses({
  powers,
  config,
  host,
  subjects,
  control,
  readiness,
  log,
  signal,
  onReach,
}: HostBusOptions): Promise<HostBuses> {
  const drops = new Drops();
  const { clock, timers } = powers;
  const memory: MemoryBusOptions = {
    powers,
    maxPayloadBytes: config.bus.payloadMaxBytes,
    drops,
    onError: (thrown, { subject }) => reportUnhandled(log, drops, thrown, subject),
  };
  const privateBus = createMemoryBus(memory);
  const local = createMemoryBus(memory);
  if (config.nats === undefined) return { bus: local, privateBus };
  let onConnected = (): void => {};
  const remote = await connect({
    ...config.nats,
    name: `faasm ${host}`,
    drops,
    onStatus,
    onError: (thrown) => log.warn({ why: FaasmError.from(thrown).message }, 'NATS'),
  });
  try {
    await refuseStreams(remote);
  } catch (error) {
    await remote.close();
    throw error;
  }
  const { key } = config.cluster;
  const isOfHosts = (subject: string): boolean => control.includes(subject) || subjects.isEvent(subject);
  const wire = key === undefined ? remote : signHosts(remote, key, isOfHosts, clock);
  return { bus: createClusterBus(local, wire, control.includes, powers), privateBus };

  function onStatus(status: BusStatus, detail: string): void {
    const connected = status === 'connected';
    readiness.set('nats', connected ? undefined : 'not connected; trying again');
    onReach(connected);
    if (status !== 'reconnecting') log[connected ? 'info' : 'warn']({ status, detail }, 'NATS');
    if (connected) onConnected();
  }

  /** Tries again while no server of the system can be reached. */
  async function connect(options: NatsBusOptions): Promise<Bus> {
    const endMs = clock.monotonicMs() + config.cluster.natsWaitMs;
    for (let tries = 1; ; tries++) {
      try {
        return await powers.connect(options);
      } catch (thrown) {
        const error = FaasmError.from(thrown);
        if (error.code !== 'no_responders' || clock.monotonicMs() + retryMs > endMs) throw error;
        if (tries === 1)
          log.warn({ why: error.message, waitMs: config.cluster.natsWaitMs }, 'waiting for NATS');
      }
      await timers.sleep(retryMs, { signal }).catch(() => {
        throw new FaasmError('draining', 'The host was stopped while it waited for NATS');
      });
    }
  }

  /** At the start, and from then on whenever one may have come. @throws FaasmError `conflict` when one is there */
  async function refuseStreams(bus: Bus): Promise<void> {
    const asked = [
      subjects.invoke('*', '*'),
      subjects.async('*', '*'),
      subjects.calls('*', '*', '*'),
      subjects.state('*', '*', '*'),
      subjects.functions('*', '*', '*'),
      subjects.files('*', '*', '*'),
      control.call('*'),
      control.instance('*'),
      '$SRV.>',
    ];
    const look = async (): Promise<string | undefined> => {
      try {
        return describeStreams(await findAnsweringStreams(bus, asked));
      } catch (err) {
        log.debug({ err }, 'NATS does not list streams of JetStream');
        return undefined;
      }
    };
    const atStart = await look();
    if (atStart !== undefined)
      throw new FaasmError('conflict', `Cannot be a host on this NATS system: ${atStart}`);
    let known: string | undefined;
    const lookAgain = async (): Promise<void> => {
      const why = await look();
      if (why !== undefined && why !== known) log.error({ why }, 'calls over NATS get wrong answers');
      known = why;
      readiness.set('streams', why);
    };
    onConnected = () => void lookAgain();
    watchStreams(bus, () => void lookAgain());
  }
}
