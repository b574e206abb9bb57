/**
 * An actor's requests: its endpoints are subscribed in the actor's queue group and listed as a NATS service, so that
 * `nats micro ls` shows them; a handler that throws answers with its error; what each request took is counted.
 */
import { FaasmError } from '../../proto/errors.ts';
import { queueGroup } from '../../proto/subjects.ts';
import type { Clock } from '../power/port.ts';
import { respondError } from './error-headers.ts';
import type { Bus, BusMessage, Handler, Subscription } from './port.ts';
import { registerService } from './service.ts';

export interface ServedEndpoint {
  readonly name: string;
  readonly subject: string;
  readonly handler: Handler;
}

export interface ServeOptions {
  readonly clock: Clock;
  /** As in the actor table: `scheduler`, `state`, … */
  readonly actor: string;
  /** Of this member; unique in the cluster. */
  readonly id: string;
  readonly description: string;
  readonly endpoints: readonly ServedEndpoint[];
  /** Is told of a request that failed after it was answered. */
  onFailure?(error: FaasmError, message: BusMessage): void;
}

/** Of the messages that actors exchange. */
const version = '0.1.0';

export function serve(
  bus: Bus,
  { clock, actor, id, description, endpoints, onFailure }: ServeOptions,
): Pick<Subscription, 'unsubscribe'> {
  const queue = queueGroup(actor);
  const service = registerService(bus, {
    clock,
    name: queue,
    id,
    version,
    description,
    endpoints: endpoints.map(({ name, subject }) => ({ name, subject, queue })),
  });

  const subscriptions = endpoints.map(({ name, subject, handler }) =>
    bus.subscribe(
      subject,
      (message) => {
        const startMs = clock.monotonicMs();
        const ended = (): void => service.record(name, (clock.monotonicMs() - startMs) * 1e6);
        const failed = (thrown: unknown): void => {
          const error = FaasmError.from(thrown);
          respondError(bus, message, error);
          service.record(name, (clock.monotonicMs() - startMs) * 1e6, error);
          onFailure?.(error, message);
        };
        try {
          const work = handler(message);
          if (work === undefined) ended();
          else return work.then(ended, failed);
        } catch (thrown) {
          failed(thrown);
        }
      },
      { queue },
    ),
  );
  return {
    unsubscribe() {
      service.stop();
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}
