import type { Config } from '../config.ts';
import type { NatsBusOptions } from './nats-options.ts';

/** What a host, or a command, is told of NATS. @param name as the server's monitoring calls the connection */
export function toNatsOptions(config: Config, name: string): NatsBusOptions {
  const given = (text: string): string | undefined => (text === '' ? undefined : text);
  const [cert, key, ca] = [given(config.NATS_CERT), given(config.NATS_KEY), given(config.NATS_CA)];
  return {
    url: config.NATS_URL.split(',').map((each) => each.trim()),
    user: given(config.NATS_USER),
    password: given(config.NATS_PASSWORD),
    creds: given(config.NATS_CREDS),
    nkey: given(config.NATS_NKEY),
    tls: (cert ?? key ?? ca) === undefined ? undefined : { cert, key, ca },
    name,
    noEcho: true,
  };
}
