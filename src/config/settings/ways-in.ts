import { showSocketAddress, toSocketAddress } from '../../receive/socket-address.ts';
import { choice, count, duration, list, parsed, text } from '../kinds.ts';
import { defineSettings } from '../setting.ts';

export const wayInSettings = defineSettings({
  FAASM_RECEIVE: {
    kind: list(choice('redis', 'pipe', 'socket')),
    default: '',
    about: 'ways in beside HTTP and NATS: redis, pipe, socket',
  },
  FAASM_RECEIVE_CALLS_MAX: {
    kind: count(),
    default: '1000',
    reason: 'a tenth of what runs at once, so that one stream does not have it all',
    about: 'calls of one connection, or of the pipe, under way at most',
  },
  FAASM_REDIS_CALLS_MAX: {
    kind: count(),
    default: '64',
    reason: 'two for each executor; the others are there for other hosts',
    about: 'calls from the Redis list under way at most; others stay there, for this host or another',
  },
  FAASM_REDIS_KEY: {
    kind: text('a key', 'key'),
    default: 'all_incoming',
    reason: 'the list of founding hosts',
    about: 'the list in Redis that calls are taken from',
  },
  FAASM_SOCKET_LISTEN: {
    kind: parsed({
      operand: 'address',
      wanted: 'host:port or unix:/path',
      read: toSocketAddress,
      show: showSocketAddress,
    }),
    default: '127.0.0.1:8003',
    reason: 'the port behind those of HTTP, for this machine alone',
    about: 'where the socket takes calls',
  },
  FAASM_SOCKET_CONNECTIONS_MAX: {
    kind: count(),
    default: '1000',
    reason: 'a process may have 1,024 files open where nothing else is set',
    about: 'connections of the socket at most',
  },
  FAASM_SOCKET_IDLE_MS: {
    kind: duration({ zero: 'never' }),
    default: '5m',
    reason: 'nothing is under way on such a connection',
    about: 'a connection of the socket on which nothing happens ends after so long',
  },
});
