import test from 'ava';
import { type ConfigSources, type Origin, readSettings } from '../../src/config/read.ts';
import { flagOf } from '../../src/config/settings.ts';

/** @param content of the configuration file */
const read = (sources: Omit<ConfigSources, 'file'>, content?: object | string) =>
  readSettings({
    readFile(path) {
      if (path === 'faasm.json') return typeof content === 'string' ? content : JSON.stringify(content);
      if (path === '/run/secret') return '  kept secret\n';
      throw new Error('no such file');
    },
    ...sources,
    file: content === undefined ? undefined : 'faasm.json',
  });

const takes = test.macro({
  title: (about) => `readSettings() takes ${about}`,
  exec(t, sources: ConfigSources, content: object | undefined, port: number, origin: Origin) {
    const { settings, origins } = read(sources, content);
    t.is(settings.FAASM_HTTP_PORT, port);
    t.is(origins.FAASM_HTTP_PORT, origin);
    t.is(origins.FAASM_UPLOAD_PORT, 'default');
  },
});

const environment = { FAASM_HTTP_PORT: '2' };
const flags = { 'http-port': '1' };
test('the default of what is not given', takes, {}, undefined, 8001, 'default');
test('a file before the default', takes, {}, { http_port: 3 }, 3, 'file');
test('text in a file', takes, {}, { http_port: '3' }, 3, 'file');
test('the environment before a file', takes, { environment }, { http_port: 3 }, 2, 'environment');
test('a flag before the environment', takes, { environment, flags }, { http_port: 3 }, 1, 'flag');
test('a flag before a file', takes, { flags }, { http_port: 3 }, 1, 'flag');
test('0 where it means something', takes, { flags: { 'http-port': '0' } }, undefined, 0, 'flag');

test('readSettings() takes lists and objects out of a file', (t) => {
  const { settings } = read({}, { receive: ['pipe', 'socket'], grants: { ann: ['redis:in'] } });
  t.deepEqual(settings.FAASM_RECEIVE, ['pipe', 'socket']);
  t.deepEqual(settings.FAASM_GRANTS.get('ann'), ['redis:in']);
});

const secret = test.macro({
  title: (about) => `readSettings() takes ${about}`,
  exec(t, sources: ConfigSources, content: object | undefined, expected: string, origin: Origin) {
    const { settings, origins } = read(sources, content);
    t.is(settings.NATS_PASSWORD, expected);
    t.is(origins.NATS_PASSWORD, origin);
  },
});
const NATS_PASSWORD_FILE = '/run/secret';
const fromFile = { nats_password: 'in it' };
test(
  'a secret from its file, trimmed',
  secret,
  { environment: { NATS_PASSWORD_FILE } },
  undefined,
  'kept secret',
  'secret file',
);
test(
  'a secret itself before its file',
  secret,
  { environment: { NATS_PASSWORD_FILE, NATS_PASSWORD: 'me' } },
  undefined,
  'me',
  'environment',
);
test(
  'the flag of a secret before its file',
  secret,
  { environment: { NATS_PASSWORD_FILE }, flags: { 'nats-password': 'me' } },
  undefined,
  'me',
  'flag',
);
test(
  'a secret file before the configuration file',
  secret,
  { environment: { NATS_PASSWORD_FILE } },
  fromFile,
  'kept secret',
  'secret file',
);
test('a secret out of the configuration file', secret, {}, fromFile, 'in it', 'file');

test('readSettings() reads a file for secrets alone', (t) => {
  t.is(read({ environment: { NATS_USER_FILE: '/nowhere', NATS_USER: 'me' } }).settings.NATS_USER, 'me');
});

const refuses = test.macro({
  title: (about) => `readSettings() refuses ${about}`,
  exec(t, sources: ConfigSources, content: object | string | undefined, message: string) {
    t.throws(() => read(sources, content), { name: 'FaasmError', code: 'bad_request', message });
  },
});
test(
  'a value in a file that is none',
  refuses,
  {},
  { http_port: {} },
  'FAASM_HTTP_PORT (--http-port) is a port, 0 to 65535, not "{}"',
);
test(
  'a count that is none',
  refuses,
  { environment: { FAASM_EXECUTORS_MAX: '0' } },
  undefined,
  'FAASM_EXECUTORS_MAX (--executors-max) is a whole number, 1 to 1024, not "0"',
);
test(
  'one of a list',
  refuses,
  { flags: { receive: 'pipe,fax' } },
  undefined,
  'FAASM_RECEIVE (--receive) is a list with commas, each one of redis, pipe, socket, not "pipe,fax": "fax" is none',
);
test(
  'a secret, and does not tell it',
  refuses,
  { environment: { FAASM_REDIS_URL: 'ftp://me:word@x' } },
  undefined,
  'FAASM_REDIS_URL (--redis-url) is a URL such as redis://user:password@host:6379/0, rediss: with TLS',
);
test(
  'grants, and says why',
  refuses,
  { flags: { grants: '{"ann": "x"}' } },
  undefined,
  'FAASM_GRANTS (--grants) is JSON such as {"demo": ["s3://bucket/prefix/", "redis:prefix"]}: ann has no list',
);
test(
  'a setting in a file that nobody knows',
  refuses,
  {},
  { http_prot: 1 },
  'The configuration file has an unknown setting "http_prot"; did you mean http_port?',
);
test(
  'a file that is no JSON',
  refuses,
  {},
  '[',
  'The configuration file "faasm.json" is not JSON: Unexpected end of JSON input',
);
test(
  'a file that is no object',
  refuses,
  {},
  '[]',
  'The configuration file "faasm.json" is not a JSON object, as in {"http_port": 8001}',
);
test(
  'a secret file that is not there',
  refuses,
  { environment: { NATS_PASSWORD_FILE: '/no' } },
  undefined,
  'Cannot read the secret file "/no": no such file',
);
test(
  'state in a Redis that is not named',
  refuses,
  { flags: { state: 'redis' } },
  undefined,
  'FAASM_STATE is redis, which needs FAASM_REDIS_URL',
);
test(
  'calls from a Redis that is not named',
  refuses,
  { flags: { receive: 'redis' } },
  undefined,
  'FAASM_RECEIVE has redis, which needs FAASM_REDIS_URL',
);
test(
  'functions in a NATS system that is not named',
  refuses,
  { flags: { functions: 'nats://f' } },
  undefined,
  'FAASM_FUNCTIONS is in an object store of NATS, which needs NATS_URL',
);

test('readSettings() tells all that is wrong at once, and nothing that only follows from it', (t) => {
  const error = t.throws(() =>
    read(
      {
        flags: { 'http-port': 'x', state: 'redis' },
        environment: { FAASM_REDIS_URL: 'x', NATS_PASSWORD_FILE: '/no', FAASM_MEMORY_MAX_MIB: '5GiB' },
      },
      { call_timeout: 1 },
    ),
  );
  const [head, ...lines] = error!.message.split('\n');
  t.is(head, '5 settings are wrong:');
  t.deepEqual(
    lines.map((line) => /^ {2}(?:\w+ (?:\w+ )*?)??(\w*_\w+|"[^"]+")/.exec(line)?.[1]),
    ['"call_timeout"', 'FAASM_HTTP_PORT', 'FAASM_MEMORY_MAX_MIB', 'FAASM_REDIS_URL', '"/no"'],
  );
});

test('readSettings() passes over what else is in the environment, and tells what looks misspelt', (t) => {
  const { misspelt } = read({
    environment: {
      FAASM_URL: 'x',
      FAASM_SERVICE_HOST: '1',
      FAASM_HTP_PORT: '1',
      FAASM_GRANTS_FILE: '/run/secret',
      PATH: '/bin',
      FAASM_GRANTS: '',
    },
  });
  t.deepEqual(misspelt, ['"FAASM_HTP_PORT" in the environment is no setting; did you mean FAASM_HTTP_PORT?']);
});

test('flagOf() has dashes and no prefix', (t) => {
  t.is(flagOf('FAASM_HTTP_PORT'), 'http-port');
  t.is(flagOf('NATS_URL'), 'nats-url');
});
