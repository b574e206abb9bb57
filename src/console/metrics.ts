/** The metrics of one host, for Prometheus. What is counted is counted elsewhere; it is put into words when asked for. */
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import type { HostStatus, StateStatus } from '../../proto/messages.ts';
import type { Drop } from '../bus/drops.ts';
import { boundsMs } from './durations.ts';
import type { Tally } from './tally.ts';

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** The last that this host told of itself, if it did. */
export interface OwnStatus {
  host(): HostStatus | undefined;
  state(): StateStatus | undefined;
  /** What it needs, and whether that is there. */
  components(): Iterable<readonly [component: string, isThere: boolean]>;
  /** How often damage was found in what it keeps. */
  damage(): Iterable<readonly [component: string, count: number]>;
  /** Messages that its bus did not deliver. */
  drops(): readonly Drop[];
}

export function createMetrics(tally: Tally, own: OwnStatus): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Counter({
    name: 'faasm_calls_total',
    help: 'Calls that ended on this host, by how they ended: ok, or the code of the error',
    labelNames: ['user', 'function', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { user, function: name, codes } of tally.functions()) {
        for (const [code, count] of codes) this.inc({ user, function: name, code }, count);
      }
    },
  });
  registry.registerMetric(durationHistogram(tally) as unknown as Metric);
  for (const gauge of hostGauges) register(registry, gauge, own.host);
  for (const gauge of stateGauges) register(registry, gauge, own.state);
  new Gauge({
    name: 'faasm_component_up',
    help: '1 while this part of the host is there, as nats, redis and disk; /readyz says what is missing without it',
    labelNames: ['component'],
    registers: [registry],
    collect() {
      for (const [component, isThere] of own.components()) this.set({ component }, isThere ? 1 : 0);
    },
  });
  new Counter({
    name: 'faasm_storage_corrupt_total',
    help: 'How often something was read that is not what was written, or is lost, by the component that keeps it',
    labelNames: ['component'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [component, count] of own.damage()) this.inc({ component }, count);
    },
  });
  new Counter({
    name: 'faasm_messages_dropped_total',
    help: 'Messages that could not be sent, or were not understood, by what they were about and by why',
    labelNames: ['kind', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { kind, code, count } of own.drops()) this.inc({ kind, code }, count);
    },
  });
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

type StatusGauge<Status> = readonly [name: string, help: string, read: (status: Status) => number];

function register<Status>(
  registry: Registry,
  [name, help, read]: StatusGauge<Status>,
  status: () => Status | undefined,
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const found = status();
      this.set(found === undefined ? 0 : read(found));
    },
  });
}

const stateGauges: readonly StatusGauge<StateStatus>[] = [
  [
    'faasm_state_unpushed_values',
    'State values with changes that the global tier does not have yet',
    (status) => status.unpushedValues,
  ],
  [
    'faasm_state_failing_values',
    'Of these, values whose last push failed; it is tried again',
    (status) => status.failingValues,
  ],
];

const hostGauges: readonly StatusGauge<HostStatus>[] = [
  ['faasm_calls_active', 'Calls running or suspended on this host', (status) => status.activeCalls],
  ['faasm_calls_queued', 'Calls waiting on this host', (status) => status.queuedCalls],
  ['faasm_calls_capacity', 'The most calls that this host takes at once', (status) => status.capacity],
  ['faasm_executors', 'Executors of this host', (status) => status.executors],
  ['faasm_faaslets', 'Faaslets of this host, running and idle', (status) => status.faaslets],
  ['faasm_faaslet_bytes', 'Real memory that these Faaslets hold', (status) => status.faasletBytes],
  ['faasm_functions_warm', 'Functions with a warm Faaslet on this host', (status) => status.warmPrograms],
  ['faasm_draining', '1 when this host is stopping', (status) => (status.phase === 'serving' ? 0 : 1)],
];

/** What a registry asks of a metric; its own histogram would put every call into words. */
function durationHistogram(tally: Tally) {
  const name = 'faasm_call_duration_seconds';
  const type = 'histogram';
  const help = 'From the arrival of a call at this host to its end';
  const get = async () => {
    const values: { metricName: string; labels: Record<string, string | number>; value: number }[] = [];
    for (const { user, function: fn, durations } of tally.functions()) {
      const labels = { user, function: fn };
      let atMost = 0;
      for (const [bucket, boundMs] of boundsMs.entries()) {
        atMost += durations.counts[bucket]!;
        values.push({
          metricName: `${name}_bucket`,
          labels: { ...labels, le: boundMs / 1000 },
          value: atMost,
        });
      }
      values.push({
        metricName: `${name}_bucket`,
        labels: { ...labels, le: '+Inf' },
        value: durations.count,
      });
      values.push({ metricName: `${name}_sum`, labels, value: durations.sumMs / 1000 });
      values.push({ metricName: `${name}_count`, labels, value: durations.count });
    }
    return { name, help, type, values, aggregator: 'sum' };
  };
  return { name, help, type, get, reset() {} };
}
