/**
 * The settings of a host. Each has one name: `FAASM_HTTP_PORT` in the environment, `--http-port` as a flag, and
 * `http_port` in a configuration file; the first of these that is given counts, and else the default.
 */
import { FaasmError } from '../proto/errors.ts';
import { quote } from '../proto/names.ts';

interface Setting {
  readonly default: string;
  readonly about: string;
  /** `text` unless said otherwise; `count` is a whole number from 0 on. */
  readonly type?: 'text' | 'count' | 'port';
  /** May also be given as the path of a file that holds it, under the name with `_FILE` after it. */
  readonly secret?: true;
}

const MiB = 1024 * 1024;

export const settings = {
  FAASM_DATA: {
    default: '.faasm',
    about: 'folder of all that is kept: functions, state, asynchronous calls',
  },
  FAASM_BUILD_CACHE: {
    default: '',
    about:
      'folder of built functions; where empty, in the data folder, and for commands in the cache folder of who runs them',
  },
  FAASM_BUILD_STEP_MAX_MS: {
    default: '120000',
    type: 'count',
    about: 'processor time of a build for one source, or for linking; 0 for no limit',
  },
  FAASM_LISTEN: {
    default: '127.0.0.1',
    about: 'address that the ports listen on; there are no tokens yet, so think before opening it',
  },
  FAASM_HTTP_HOSTS: {
    default: '',
    about:
      'names that HTTP requests may be for, parted by commas, beside addresses and local names; *.example.org is all below it, * any',
  },
  FAASM_HTTP_PORT: { default: '8001', type: 'port', about: 'HTTP port to invoke at; 0 for any free one' },
  FAASM_UPLOAD_PORT: {
    default: '8002',
    type: 'port',
    about: 'HTTP port to upload at; it serves the same routes',
  },
  FAASM_NATS_PORT: {
    default: '4222',
    type: 'port',
    about: 'port for NATS clients, where no NATS_URL is set',
  },
  FAASM_HOST_NAME: { default: '', about: 'name of this host in a cluster; a random one where empty' },
  FAASM_PREFIX: { default: 'faasm', about: 'first token of every subject' },
  FAASM_LOG_LEVEL: { default: 'info', about: 'debug, info, warn, error or silent' },

  FAASM_CALL_TIMEOUT_MS: { default: '60000', type: 'count', about: 'the longest that a call may take' },
  FAASM_DRAIN_TIMEOUT_MS: {
    default: '30000',
    type: 'count',
    about: 'how long a stopping host waits for its calls',
  },
  FAASM_DRAIN_DELAY_MS: {
    default: '0',
    type: 'count',
    about:
      'how long a stopping host goes on serving HTTP while /readyz says 503, so that a load balancer sees it; 0 ends at once',
  },
  FAASM_INPUT_MAX_BYTES: { default: String(64 * MiB), type: 'count', about: 'largest input of a call' },
  FAASM_OUTPUT_MAX_BYTES: { default: String(64 * MiB), type: 'count', about: 'largest output of a call' },
  FAASM_MODULE_MAX_BYTES: { default: String(64 * MiB), type: 'count', about: 'largest module' },
  FAASM_TABLE_MAX_ELEMENTS: {
    default: '100000',
    type: 'count',
    about: 'elements of all tables of a module together, and of one that grows',
  },
  FAASM_COMPILE_MAX_MIB: {
    default: '256',
    type: 'count',
    about:
      'memory that compiling the functions of a module may take, in MiB; it is tried before the module is live',
  },
  FAASM_COMPILE_MAX_MS: {
    default: '20000',
    type: 'count',
    about: 'how long compiling them may compute',
  },
  FAASM_FUNCTIONS: {
    default: '',
    about:
      'where functions are kept, which hosts may share: a folder, s3://bucket/prefix or nats://bucket; in the data folder where empty',
  },
  FAASM_S3_ENDPOINT: { default: '', about: 'S3-compatible server, as http://host:port; AWS where empty' },
  FAASM_S3_REGION: { default: 'us-east-1', about: 'region of the S3 server' },
  FAASM_S3_ACCESS_KEY: {
    default: '',
    about: 'access key for S3; where empty, what the AWS SDK finds, as in AWS_ACCESS_KEY_ID',
  },
  FAASM_S3_SECRET_KEY: { default: '', secret: true, about: 'secret key for S3' },
  FAASM_OBJECTS: {
    default: '',
    about:
      's3://bucket/prefix, below which each user has objects of its own that its functions read and write',
  },
  FAASM_GRANTS: {
    default: '',
    secret: true,
    about:
      'where input and output of calls may be, for each user, as JSON: {"demo": ["s3://bucket/prefix/", "redis:prefix"]}',
  },
  FAASM_STATE: {
    default: 'sqlite',
    about:
      'where state is kept: sqlite (in the data folder, for one host), redis (for all hosts that use it), or s3://bucket/prefix (values that are written once)',
  },
  FAASM_STATE_ACCESS: {
    default: 'synchronous',
    about: 'synchronous or asynchronous, where neither a function nor its call of the API says',
  },
  FAASM_STATE_REDIS_KEYS: {
    default: 'token',
    about:
      'keys of state in Redis: token, which cannot collide, or founding, <user>_<key> as founding hosts have them',
  },
  FAASM_STATE_MAX_BYTES: { default: String(1024 * MiB), type: 'count', about: 'largest state value' },
  FAASM_STATE_PER_USER_MAX_BYTES: {
    default: String(4096 * MiB),
    type: 'count',
    about: 'all state values of a user together',
  },
  FAASM_STATE_RESIDENT_MAX_BYTES: {
    default: String(2048 * MiB),
    type: 'count',
    about: 'state values held in memory',
  },
  FAASM_STATE_LOCK_LEASE_MS: {
    default: '15000',
    type: 'count',
    about:
      "a function's lock on state in Redis is free so long after its host stands still or is gone; 1 at least",
  },
  FAASM_MEMORY_MAX_MIB: {
    default: '512',
    type: 'count',
    about: 'largest linear memory of a call, in MiB; 4096 at most',
  },
  FAASM_FILES_MAX_BYTES: {
    default: String(64 * MiB),
    type: 'count',
    about: 'files that a call writes, together',
  },
  FAASM_SHARED_FILE_MAX_BYTES: { default: String(256 * MiB), type: 'count', about: 'largest shared file' },
  FAASM_SHARED_FILES_PER_USER_MAX_BYTES: {
    default: String(1024 * MiB),
    type: 'count',
    about: 'all shared files of a user together',
  },
  FAASM_SHARED_FILES_PER_USER_MAX: {
    default: '20000',
    type: 'count',
    about: 'shared files of one user at most',
  },
  FAASM_MESSAGE_MAX_BYTES: {
    default: String(8 * MiB),
    type: 'count',
    about: 'largest message of a NATS client',
  },
  FAASM_NATS_LISTENING_MAX: {
    default: '64',
    type: 'count',
    about:
      "subscriptions of all NATS clients that hear the host's own messages, as of faasm.event.>, at most; 0 for none",
  },

  FAASM_EXECUTORS_MAX: { default: '32', type: 'count', about: 'executor threads at most' },
  FAASM_EXECUTORS_SPARE: {
    default: '1',
    type: 'count',
    about: 'executor threads kept started with nothing to do',
  },
  FAASM_ACTIVE_CALLS_MAX: {
    default: '10000',
    type: 'count',
    about:
      'calls running or suspended of one user at most, and of all users a quarter more; further ones queue',
  },
  FAASM_QUEUED_CALLS_MAX: {
    default: '10000',
    type: 'count',
    about: 'calls queued at most, four of five of one user; further ones get 429',
  },
  FAASM_CALLS_PER_USER_MAX: { default: '20000', type: 'count', about: 'calls of one user under way at most' },
  FAASM_ASYNC_CALLS_MAX: {
    default: '64',
    type: 'count',
    about: 'asynchronous calls running at once at most',
  },
  FAASM_ASYNC_QUEUED_PER_USER_MAX: {
    default: '10000',
    type: 'count',
    about: 'asynchronous calls of one user waiting at most',
  },
  FAASM_RESULT_KEPT_MS: {
    default: '3600000',
    type: 'count',
    about: 'how long the result of an asynchronous call can be asked for, and an idempotency key is known',
  },
  FAASM_CHAIN_DEPTH_MAX: {
    default: '1000',
    type: 'count',
    about: 'calls that chain calls that chain calls, at most so deep',
  },
  FAASM_CALL_TREE_MAX: {
    default: '20000',
    type: 'count',
    about:
      'chained calls of one tree at most, from the call that nobody chained to the last; 0 for any number',
  },
  FAASM_FUNCTIONS_PER_USER_MAX: { default: '1000', type: 'count', about: 'functions of one user at most' },
  FAASM_FAASLETS_MAX: {
    default: '14000',
    type: 'count',
    about:
      'Faaslets at most, running and idle; beyond it the longest unused idle ones go; a process has room for about 16000',
  },
  FAASM_FAASLETS_MAX_MIB: {
    default: '2048',
    type: 'count',
    about:
      'real memory of all Faaslets, inputs and outputs of calls at most, in MiB; beyond it idle Faaslets go and calls wait',
  },
  FAASM_CALL_MEMORY_PER_USER_MAX_MIB: {
    default: '1024',
    type: 'count',
    about:
      'the same of one user, in MiB; beyond it calls of the user wait, and what a call would hold more fails it',
  },
  FAASM_MEMORY: {
    default: 'auto',
    about: 'memory of Faaslets: mapped (pages, Linux), copy (anywhere), or auto',
  },

  FAASM_RECEIVE: {
    default: '',
    about: 'ways in beside HTTP and NATS, parted by commas: redis, pipe, socket',
  },
  FAASM_RECEIVE_CALLS_MAX: {
    default: '1000',
    type: 'count',
    about: 'calls of one connection, or of the pipe, under way at most',
  },
  FAASM_REDIS_CALLS_MAX: {
    default: '64',
    type: 'count',
    about: 'calls from the Redis list under way at most; others stay there, for this host or another',
  },
  FAASM_REDIS_KEY: { default: 'all_incoming', about: 'the list in Redis that calls are taken from' },
  FAASM_SOCKET_LISTEN: {
    default: '127.0.0.1:8003',
    about: 'where the socket takes calls: host:port, or unix:/path',
  },
  FAASM_SOCKET_CONNECTIONS_MAX: {
    default: '1000',
    type: 'count',
    about: 'connections of the socket at most',
  },
  FAASM_SOCKET_IDLE_MS: {
    default: '300000',
    type: 'count',
    about: 'a connection of the socket on which nothing happens ends after so long; 0 for never',
  },
  FAASM_REDIS_URL: {
    default: '',
    secret: true,
    about: 'Redis server, as redis://user:password@host:6379/0, for what is set to use Redis',
  },

  NATS_URL: { default: '', about: 'NATS servers, parted by commas; where empty, the host is its own' },
  FAASM_CLUSTER_KEY: {
    default: '',
    secret: true,
    about:
      'a secret of all hosts of a cluster, where others are on its NATS system: hosts believe each other by it',
  },
  FAASM_NATS_WAIT_MS: {
    default: '30000',
    type: 'count',
    about: 'how long a host that starts waits for a NATS server to be there; 0 for not at all',
  },
  NATS_CREDS: { default: '', about: 'path of a credentials file for NATS' },
  NATS_USER: { default: '', about: 'user at the NATS server' },
  NATS_PASSWORD: { default: '', secret: true, about: 'password at the NATS server' },
  NATS_NKEY: { default: '', secret: true, about: 'nkey seed for the NATS server' },
  NATS_CERT: { default: '', about: 'path of the TLS certificate for the NATS server' },
  NATS_KEY: { default: '', about: 'path of the TLS key for the NATS server' },
  NATS_CA: { default: '', about: 'path of the TLS authority of the NATS server' },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
type CountName = {
  [Name in SettingName]: (typeof settings)[Name] extends { type: 'count' | 'port' } ? Name : never;
}[SettingName];

export type Config = { readonly [Name in SettingName]: Name extends CountName ? number : string };

/** Where a setting may come from; the earlier counts. */
export interface ConfigSources {
  /** By flag name without dashes in front, as in `http-port`. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By name in a file, as in `http_port`. */
  readonly file: Readonly<Record<string, unknown>>;
  /** Reads the file that a `…_FILE` variable names. */
  readSecret(path: string): string;
}

export const flagOf = (name: SettingName): string =>
  name
    .replace(/^FAASM_/, '')
    .toLowerCase()
    .replaceAll('_', '-');

const keyOf = (name: SettingName): string => name.replace(/^FAASM_/, '').toLowerCase();

/** @throws FaasmError `bad_request` that names the setting and where it came from */
export function toConfig(sources: ConfigSources): Config {
  const names = Object.keys(settings) as SettingName[];
  const known = new Set(names.map(keyOf));
  const unknown = Object.keys(sources.file).find((key) => !known.has(key));
  if (unknown !== undefined) {
    throw new FaasmError('bad_request', `The configuration file has an unknown setting ${quote(unknown)}`);
  }
  return Object.fromEntries(names.map((name) => [name, read(name, sources)])) as unknown as Config;
}

function read(name: SettingName, sources: ConfigSources): string | number {
  const setting: Setting = settings[name];
  const text = find(name, setting, sources);
  if (setting.type === undefined || setting.type === 'text') return text;
  const number = Number(text);
  const max = setting.type === 'port' ? 65_535 : Number.MAX_SAFE_INTEGER;
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= 0 && number <= max) return number;
  const wanted = setting.type === 'port' ? 'a port, 0 to 65535' : 'a whole number from 0 on';
  throw new FaasmError('bad_request', `${name} (--${flagOf(name)}) is ${wanted}, not ${quote(text)}`);
}

function find(
  name: SettingName,
  setting: Setting,
  { flags, environment, file, readSecret }: ConfigSources,
): string {
  const secretPath = setting.secret === true ? environment[`${name}_FILE`] : undefined;
  const given = flags[flagOf(name)] ?? environment[name];
  if (given !== undefined) return given;
  if (secretPath !== undefined) return readSecret(secretPath).trim();
  const fromFile = file[keyOf(name)];
  return fromFile === undefined ? setting.default : String(fromFile);
}
