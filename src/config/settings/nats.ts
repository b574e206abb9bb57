import { toHostId } from '../../../proto/names.ts';
import { bytes, count, duration, list, optional, parsed, port, text } from '../kinds.ts';
import { url } from '../places.ts';
import { defineSettings } from '../setting.ts';

const file = text('a path', 'path');

export const natsSettings = defineSettings({
  FAASM_PREFIX: {
    kind: parsed({
      operand: 'token',
      wanted: 'one token: 1 to 64 of A-Z a-z 0-9 _ -',
      read: toHostId,
      show: String,
    }),
    default: 'faasm',
    reason: 'what people look for in a list of subjects',
    about: 'first token of every subject',
  },
  FAASM_NATS_PORT: {
    kind: port('any free one'),
    default: '4222',
    reason: 'the port that NATS clients take by themselves',
    about: 'port for NATS clients, where no NATS_URL is set',
  },
  FAASM_MESSAGE_MAX_BYTES: {
    kind: bytes({ max: 2 ** 30 }),
    default: '8MiB',
    reason: 'as much as a NATS server should be set to at most',
    about: 'largest message of a NATS client',
  },
  FAASM_NATS_LISTENING_MAX: {
    kind: count({ zero: 'none' }),
    default: '64',
    reason: 'each of them gets a copy of what every call tells',
    about:
      "subscriptions of all NATS clients that hear the host's own messages, as of faasm.event.>, at most",
  },
  NATS_URL: {
    kind: list(url({ schemes: ['nats', 'tls', 'ws', 'wss'], form: 'nats://host:4222', byDefault: 'nats' })),
    default: '',
    about: 'NATS servers of one system; where empty, the host is its own',
  },
  FAASM_CLUSTER_KEY: {
    kind: optional(text()),
    default: '',
    secret: true,
    about:
      'a secret of all hosts of a cluster, where others are on its NATS system: hosts believe each other by it',
  },
  FAASM_NATS_WAIT_MS: {
    kind: duration({ zero: 'not at all' }),
    default: '30s',
    reason: 'a server that is started together with the host is there by then',
    about: 'how long a host that starts waits for a NATS server to be there',
  },
  NATS_CREDS: { kind: optional(file), default: '', about: 'path of a credentials file for NATS' },
  NATS_USER: { kind: optional(text()), default: '', about: 'user at the NATS server' },
  NATS_PASSWORD: { kind: optional(text()), default: '', secret: true, about: 'password at the NATS server' },
  NATS_NKEY: { kind: optional(text()), default: '', secret: true, about: 'nkey seed for the NATS server' },
  NATS_CERT: { kind: optional(file), default: '', about: 'path of the TLS certificate for the NATS server' },
  NATS_KEY: { kind: optional(file), default: '', about: 'path of the TLS key for the NATS server' },
  NATS_CA: { kind: optional(file), default: '', about: 'path of the TLS authority of the NATS server' },
});
