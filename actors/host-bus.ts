/**
 * The bus that the actors of a host are on: the embedded one alone, or with the bus of the NATS system beside it that
 * the host is part of.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { FaasmError } from '../proto/errors.ts';
import type { HostId } from '../proto/names.ts';
import { askedPatterns, type Subjects, zoneOf } from '../proto/subjects.ts';
import { describeStreams, findAnsweringStreams, watchStreams } from '../src/bus/answering-streams.ts';
import { createClusterBus, type ZoneOf } from '../src/bus/cluster.ts';
import { createMemoryBus, type MemoryBus } from '../src/bus/memory.ts';
import { type BusStatus, connectNatsBus, type NatsBusOptions } from '../src/bus/nats.ts';
import { toNatsOptions } from '../src/bus/nats-settings.ts';
import type { Bus, HostBus } from '../src/bus/port.ts';
import { reportUnhandled } from '../src/bus/report-unhandled.ts';
import { signControl } from '../src/bus/signed.ts';
import type { Config } from '../src/config.ts';
import type { Log } from '../src/log.ts';
import type { Readiness } from '../src/readiness.ts';
import { toPayloadMaxBytes } from './slices.ts';

export interface HostBusOptions {
  readonly config: Config;
  readonly host: HostId;
  readonly subjects: Subjects;
  readonly readiness: Readiness;
  readonly log: Log;
  /** Ends the wait for a NATS system that is not there yet. */
  readonly signal: AbortSignal;
  /** Told whether other hosts can be reached. */
  onReach(reachable: boolean): void;
}

const retryMs = 1000;

/** @throws FaasmError `no_responders` when no NATS server is there in time, `unauthorized`, `conflict` */
export async function openHostBus({
  config,
  host,
  subjects,
  readiness,
  log,
  signal,
  onReach,
}: HostBusOptions): Promise<HostBus> {
  const local: MemoryBus = createMemoryBus({
    maxPayloadBytes: toPayloadMaxBytes(config),
    onError: (thrown, { subject }) => reportUnhandled(log, local.drops, thrown, subject),
  });
  if (config.NATS_URL === '') return local;
  let onConnected = (): void => {};
  const remote = await connect({
    ...toNatsOptions(config, `faasm ${host}`),
    drops: local.drops,
    onStatus,
    onError: (thrown) => log.warn({ why: FaasmError.from(thrown).message }, 'NATS'),
  });
  try {
    await refuseStreams(remote);
  } catch (error) {
    await remote.close();
    throw error;
  }
  const zones: ZoneOf = (subject) => zoneOf(subjects.prefix, subject);
  const key = config.FAASM_CLUSTER_KEY;
  return createClusterBus(local, key === '' ? remote : signControl(remote, key, zones), zones);

  function onStatus(status: BusStatus, detail: string): void {
    const connected = status === 'connected';
    readiness.set('nats', connected ? undefined : 'not connected; trying again');
    onReach(connected);
    if (status !== 'reconnecting') log[connected ? 'info' : 'warn']({ status, detail }, 'NATS');
    if (connected) onConnected();
  }

  /** Tries again while no server of the system can be reached. */
  async function connect(options: NatsBusOptions): Promise<Bus> {
    const endMs = performance.now() + config.FAASM_NATS_WAIT_MS;
    for (let tries = 1; ; tries++) {
      try {
        return await connectNatsBus(options);
      } catch (thrown) {
        const error = FaasmError.from(thrown);
        if (error.code !== 'no_responders' || performance.now() + retryMs > endMs) throw error;
        if (tries === 1)
          log.warn({ why: error.message, waitMs: config.FAASM_NATS_WAIT_MS }, 'waiting for NATS');
      }
      await delay(retryMs, undefined, { signal }).catch(() => {
        throw new FaasmError('draining', 'The host was stopped while it waited for NATS');
      });
    }
  }

  /** At the start, and from then on whenever one may have come. @throws FaasmError `conflict` when one is there */
  async function refuseStreams(bus: Bus): Promise<void> {
    const look = async (): Promise<string | undefined> => {
      try {
        return describeStreams(await findAnsweringStreams(bus, askedPatterns(subjects.prefix)));
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
