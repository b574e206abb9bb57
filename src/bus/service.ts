/**
 * An actor as a NATS service, so that `nats micro ls|info|stats` shows it. It answers `$SRV.PING`, `$SRV.INFO` and
 * `$SRV.STATS`, each also with `.<name>` and `.<name>.<id>`, in the JSON forms of the NATS services protocol
 * (ADR-32). The endpoints' own subscriptions are the actor's business; it records here what they did.
 */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import type { Clock } from '../power/port.ts';
import { type Bus, respond } from './port.ts';

export interface ServiceEndpoint {
  readonly name: string;
  readonly subject: string;
  /** Its queue group. */
  readonly queue: string;
}

export interface ServiceOptions {
  readonly clock: Clock;
  /** `[A-Za-z0-9_-]+`, as are the id and the endpoints' names. */
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  readonly description: string;
  /** Of this member of the service; unique in the cluster. */
  readonly id: string;
  readonly endpoints: readonly ServiceEndpoint[];
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface EndpointStats {
  readonly name: string;
  readonly subject: string;
  readonly queue_group: string;
  readonly num_requests: number;
  readonly num_errors: number;
  /** The text of the last error; empty when there was none. */
  readonly last_error: string;
  /** In nanoseconds, of all requests together. */
  readonly processing_time: number;
  /** In nanoseconds. */
  readonly average_processing_time: number;
}

export interface Service {
  /** One request was served. @param endpoint its name; another name is a bug and is refused */
  record(endpoint: string, durationNanos: number, error?: Error): void;
  stats(): readonly EndpointStats[];
  /** It is not listed any more. */
  stop(): void;
}

interface Counts {
  requests: number;
  errors: number;
  lastError: string;
  nanos: number;
}

const verbs = ['PING', 'INFO', 'STATS'] as const;

/** @throws FaasmError `bad_name`, or `bad_request` for a version that is none */
export function registerService(bus: Bus, options: ServiceOptions): Service {
  const { clock, name, id, version, endpoints } = options;
  for (const text of [name, id, ...endpoints.map((endpoint) => endpoint.name)]) checkName(text);
  if (!/^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/.test(version)) {
    throw new FaasmError(
      'bad_request',
      `Service ${name} has the version ${quote(version)}; write it as in 1.2.3`,
    );
  }
  const identity = { name, id, version, metadata: options.metadata ?? {} };
  const started = new Date(clock.wallMs()).toISOString();
  const counts = new Map(endpoints.map((endpoint) => [endpoint.name, noCounts()]));
  const stats = () => endpoints.map((endpoint) => toStats(endpoint, counts.get(endpoint.name)!));

  const answers = {
    PING: () => ({ type: 'io.nats.micro.v1.ping_response', ...identity }),
    INFO: () => ({
      type: 'io.nats.micro.v1.info_response',
      ...identity,
      description: options.description,
      endpoints: endpoints.map(({ name, subject, queue }) => ({
        name,
        subject,
        queue_group: queue,
        metadata: {},
      })),
    }),
    STATS: () => ({ type: 'io.nats.micro.v1.stats_response', ...identity, started, endpoints: stats() }),
  };

  const subscriptions = verbs.flatMap((verb) =>
    [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`].map((subject) =>
      bus.subscribe(subject, (message) =>
        respond(bus, message, Buffer.from(JSON.stringify(answers[verb]()))),
      ),
    ),
  );

  return {
    record(endpoint, durationNanos, error) {
      const counted = counts.get(endpoint);
      if (counted === undefined)
        throw new FaasmError('internal', `Service ${name} has no endpoint ${endpoint}`);
      counted.requests++;
      counted.nanos += durationNanos;
      if (error === undefined) return;
      counted.errors++;
      counted.lastError = error.message;
    },
    stats,
    stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

function toStats({ name, subject, queue }: ServiceEndpoint, counts: Counts): EndpointStats {
  return {
    name,
    subject,
    queue_group: queue,
    num_requests: counts.requests,
    num_errors: counts.errors,
    last_error: counts.lastError,
    processing_time: Math.round(counts.nanos),
    average_processing_time: counts.requests === 0 ? 0 : Math.round(counts.nanos / counts.requests),
  };
}

function noCounts(): Counts {
  return { requests: 0, errors: 0, lastError: '', nanos: 0 };
}

function checkName(name: string): void {
  if (!/^[A-Za-z0-9_-]+$/.test(name)) {
    throw new FaasmError('bad_name', `Bad service name ${quote(name)}: use A-Z a-z 0-9 _ -`);
  }
}
