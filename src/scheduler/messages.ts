/** How the scheduler's messages look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import type { HostStatus } from '../../proto/messages.ts';
import { toHostId } from '../../proto/names.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import type { Codec } from '../bus/port.ts';

export const hostStatusCodec: Codec<HostStatus> = msgpackCodec('host status', (value) => {
  if (typeof value !== 'object' || value === null || !('host' in value)) {
    throw new FaasmError('bad_message', 'an object with a host is wanted');
  }
  const status = value as Record<keyof HostStatus, unknown>;
  return {
    host: toHostId(String(status.host)),
    executors: toCount(status.executors),
    faaslets: toCount(status.faaslets),
    faasletBytes: toCount(status.faasletBytes),
    activeCalls: toCount(status.activeCalls),
    queuedCalls: toCount(status.queuedCalls),
    capacity: toCount(status.capacity),
    warm: Array.isArray(status.warm) ? status.warm.slice(0, 1000).map(String) : [],
    draining: status.draining === true,
  };
});

function toCount(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FaasmError('bad_message', 'a count is a whole number');
}
