/**
 * The NATS listener: the bus of this host for any NATS client, the `nats` command included.
 *
 * In:   NATS clients on a TCP port; every subject that they subscribe to
 * Out:  every subject that they publish to
 * Owns: the port and its connections
 * Never: reads what a message says, or lets a client say what hosts say to each other or inside
 */
import type { HostBus } from '../src/bus/port.ts';
import type { Log } from '../src/log.ts';
import type { Authorize } from '../src/nats-listener/grant.ts';
import { type NatsListener, startNatsListener } from '../src/nats-listener/server.ts';

export interface NatsListenerActorOptions {
  readonly bus: HostBus;
  readonly config: {
    readonly host: string;
    /** 0 takes a free one. */
    readonly port: number;
    readonly maxPayloadBytes: number;
    readonly maxListening: number;
    /** Of the system's subjects. */
    readonly prefix: string;
    /** @default 'faasm' */
    readonly serverName?: string;
  };
  /** Without it everybody may do everything. */
  readonly authorize?: Authorize;
  readonly log: Log;
}

/** @throws FaasmError `conflict` when the port is in use */
export async function startNatsListenerActor(options: NatsListenerActorOptions): Promise<NatsListener> {
  const { bus, config, authorize, log } = options;
  const listener = await startNatsListener({
    ...config,
    bus,
    ...(authorize !== undefined && { authorize }),
    onEvent({ kind, clientId, address, name, why }) {
      const level = kind === 'refused' ? 'warn' : 'debug';
      log[level]({ client: clientId, address, name, why }, `NATS client ${kind}`);
    },
  });
  log.info({ host: config.host, port: listener.port }, 'listening for NATS clients');
  return listener;
}
