/** What hosts of one cluster have to agree on, and what it means where two of them do not. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { HostStores } from '../../proto/messages.ts';
import type { Config } from '../config/config.ts';
import { toRedisAddress } from '../redis/url.ts';
import { showPlace } from '../storage/place.ts';

/** Two places of one host in a thousand clusters of a thousand hosts have the same with a chance of one in 10^8. */
const hashLength = 16;

/** Where this host keeps what others may share, in few characters. */
export function toHostStores(config: Config): HostStores {
  const own = `${hostname()} ${config.dataFolder}`;
  return {
    functions: hash(functionsPlace(config) ?? `own ${own}`),
    state: hash(statePlace(config) ?? `own ${own}`),
  };
}

/** What to say of hosts that differ from this one, a line for each thing. */
export function differences(own: HostStores, other: HostStores): string[] {
  return [
    ...(own.functions === other.functions
      ? []
      : ['functions elsewhere, so each runs its own: give both the same FAASM_FUNCTIONS']),
    ...(own.state === other.state
      ? []
      : [
          'state elsewhere, so a value is in the store of whichever host ran the call: give both the same FAASM_STATE, with its server',
        ]),
  ];
}

/** Nothing where it is this host's own. */
function functionsPlace({ functionsPlace: place, s3 }: Config): string | undefined {
  if (place === undefined) return undefined;
  return place.kind === 's3' ? `${s3.endpoint ?? ''} ${showPlace(place)}` : showPlace(place);
}

function statePlace({ statePlace: place, stateRedisKeys, redisUrl, s3 }: Config): string | undefined {
  if (place.kind === 's3') return `${s3.endpoint ?? ''} ${showPlace(place)}`;
  if (place.kind === 'sqlite' || redisUrl === undefined) return undefined;
  return `${toRedisAddress(redisUrl)}${new URL(redisUrl).pathname} ${stateRedisKeys}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, hashLength);
}
