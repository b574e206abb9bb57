import { toHostId } from '../../../proto/names.ts';
import { choice, duration, list, optional, parsed, port, text } from '../kinds.ts';
import { place } from '../places.ts';
import { defineSettings } from '../setting.ts';

const name = '1 to 64 of A-Z a-z 0-9 _ -';

export const hostSettings = defineSettings({
  FAASM_DATA: {
    kind: place('folder'),
    default: '.faasm',
    reason: 'it is where the host was started, and is hidden among the sources',
    about: 'folder of all that is kept: functions, state, asynchronous calls',
  },
  FAASM_HOST_NAME: {
    kind: optional(parsed({ operand: 'name', wanted: name, read: toHostId, show: String })),
    default: '',
    about: 'name of this host in a cluster; a random one where empty',
  },
  FAASM_LOG_LEVEL: {
    kind: choice('debug', 'info', 'warn', 'error', 'silent'),
    default: 'info',
    reason: 'what happens to the host itself, and not every call',
    about: 'how much it logs',
  },
  FAASM_LISTEN: {
    kind: text('an address', 'address'),
    default: '127.0.0.1',
    reason: 'there are no tokens yet, so whoever reaches the host may do everything',
    about: 'address that the ports listen on',
  },
  FAASM_HTTP_PORT: {
    kind: port('any free one'),
    default: '8001',
    reason: 'the port to invoke at of founding hosts',
    about: 'HTTP port to invoke at',
  },
  FAASM_UPLOAD_PORT: {
    kind: port('any free one'),
    default: '8002',
    reason: 'the port to upload at of founding hosts',
    about: 'HTTP port to upload at; it serves the same routes',
  },
  FAASM_HTTP_HOSTS: {
    kind: list(text('a name', 'name')),
    default: '',
    about:
      'names that HTTP requests may be for beside addresses and local names; *.example.org is all below it, * any',
  },
  FAASM_DRAIN_TIMEOUT_MS: {
    kind: duration({ zero: 'calls that run are ended at once' }),
    default: '30s',
    reason: 'half of what a call may take, and what orchestrators grant by themselves',
    about: 'how long a stopping host takes for its calls, and to save state, together',
  },
  FAASM_DRAIN_DELAY_MS: {
    kind: duration({ zero: 'not at all' }),
    default: '0',
    reason: 'there may be no load balancer',
    about:
      'how long a stopping host goes on serving HTTP while /readyz says 503, so that a load balancer sees it',
  },
});
