/** What a host with one core and nothing to do says of itself. */
import type { HostStatus } from '../../proto/messages.ts';
import type { HostId } from '../../proto/names.ts';

export const status = (host: string, more: Partial<HostStatus> = {}): HostStatus => ({
  host: host as HostId,
  instance: `${host}-1`,
  phase: 'serving',
  stores: { functions: 'shared', state: 's' },
  executors: 1,
  faaslets: 2,
  faasletBytes: 8192,
  activeCalls: 0,
  queuedCalls: 0,
  capacity: 10,
  cores: 1,
  backlogUs: 0,
  warmPrograms: 0,
  warm: { whole: true, added: [], removed: [] },
  ...more,
});
