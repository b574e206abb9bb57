/** What hosts of one cluster have to agree on, and what it means where two of them do not. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { HostStores } from '../../proto/messages.ts';
import type { Config } from '../config.ts';
import { toFolder } from '../functions/open-store.ts';
import { toRedisAddress } from '../redis/url.ts';

/** Two places of one host in a thousand clusters of a thousand hosts have the same with a chance of one in 10^8. */
const hashLength = 16;

/** Where this host keeps what others may share, in few characters. @throws FaasmError `bad_request` */
export function toHostStores(config: Config): HostStores {
  const own = `${hostname()} ${resolve(config.FAASM_DATA)}`;
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
function functionsPlace({ FAASM_FUNCTIONS: place, ...config }: Config): string | undefined {
  if (place === '') return undefined;
  if (place.startsWith('s3://')) return `${config.FAASM_S3_ENDPOINT} ${place}`;
  return /^(?!file:)\w+:/.test(place) ? place : toFolder(place);
}

function statePlace({ FAASM_STATE: kind, ...config }: Config): string | undefined {
  if (kind.startsWith('s3://')) return `${config.FAASM_S3_ENDPOINT} ${kind}`;
  if (kind !== 'redis' || config.FAASM_REDIS_URL === '') return undefined;
  const { pathname } = new URL(config.FAASM_REDIS_URL);
  return `${toRedisAddress(config.FAASM_REDIS_URL)}${pathname} ${config.FAASM_STATE_REDIS_KEYS}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, hashLength);
}
