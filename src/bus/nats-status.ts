/** What a NATS connection says of itself, in the words of the bus. */
import { type NatsConnection, errors as natsErrors } from 'nats';
import { FaasmError } from '../../proto/errors.ts';

export interface StatusListener {
  onStatus(status: 'connected' | 'disconnected' | 'reconnecting', detail: string): void;
  /** @param subject what may not be published to, if that is what it is about */
  onRefused(error: FaasmError, subject: string | undefined): void;
}

/** Listens until the connection is closed. */
export async function watchStatus(connection: NatsConnection, listener: StatusListener): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') listener.onStatus('disconnected', status.server);
    else if (status.type === 'reconnecting') listener.onStatus('reconnecting', connection.getServer());
    else if (status.type === 'reconnect') listener.onStatus('connected', status.server);
    else if (status.type === 'error') refuse(status.error, listener);
  }
}

function refuse(error: Error, listener: StatusListener): void {
  if (error instanceof natsErrors.PermissionViolationError) {
    const why = `NATS does not let this user ${error.operation === 'publish' ? 'publish to' : 'subscribe to'} ${error.subject}`;
    const refused = new FaasmError('forbidden', why, { cause: error });
    listener.onRefused(refused, error.operation === 'publish' ? error.subject : undefined);
  } else {
    listener.onRefused(new FaasmError('internal', `NATS: ${error.message}`, { cause: error }), undefined);
  }
}
