import test from 'ava';
import { type ConfigSources, flagOf, type SettingName, settings, toConfig } from '../src/config.ts';

const from = (sources: Partial<ConfigSources>) =>
  toConfig({
    flags: {},
    environment: {},
    file: {},
    readSecret: (path) => {
      throw new Error(`${path} was read`);
    },
    ...sources,
  });

test('toConfig() of nothing has every default', (t) => {
  const config = from({});
  for (const name of Object.keys(settings) as SettingName[]) {
    t.is(String(config[name]), settings[name].default, name);
  }
  t.is(config.FAASM_HTTP_PORT, 8001);
});

const takes = test.macro((t, sources: Partial<ConfigSources>, expected: number) => {
  t.is(from(sources).FAASM_HTTP_PORT, expected);
});

const file = { http_port: 3 };
const environment = { FAASM_HTTP_PORT: '2' };
const flags = { 'http-port': '1' };
test('toConfig() takes a file before the default', takes, { file }, 3);
test('toConfig() takes text in a file', takes, { file: { http_port: '3' } }, 3);
test('toConfig() takes the environment before a file', takes, { file, environment }, 2);
test('toConfig() takes a flag before the environment', takes, { file, environment, flags }, 1);
test('toConfig() takes a flag before a file', takes, { file, flags }, 1);
test('toConfig() takes 0', takes, { flags: { 'http-port': '0' } }, 0);
test('toConfig() takes the highest port', takes, { flags: { 'http-port': '65535' } }, 65_535);

const refuses = test.macro((t, sources: Partial<ConfigSources>, message: string) => {
  t.throws(() => from(sources), { name: 'FaasmError', code: 'bad_request', message });
});

const notPort = (text: string): string =>
  `FAASM_HTTP_PORT (--http-port) is a port, 0 to 65535, not ${JSON.stringify(text)}`;
for (const text of ['', ' ', 'x', '-1', '1.5', '65536', 'Infinity', '1e99']) {
  test(
    `toConfig() refuses the port ${JSON.stringify(text)}`,
    refuses,
    { flags: { 'http-port': text } },
    notPort(text),
  );
}
test(
  'toConfig() refuses a bad value in a file',
  refuses,
  { file: { http_port: {} } },
  notPort('[object Object]'),
);
test(
  'toConfig() refuses a count that is none',
  refuses,
  { environment: { FAASM_EXECUTORS_MAX: 'many' } },
  'FAASM_EXECUTORS_MAX (--executors-max) is a whole number from 0 on, not "many"',
);
test(
  'toConfig() refuses a setting that a file has and nobody knows',
  refuses,
  { file: { http_prot: 1 } },
  'The configuration file has an unknown setting "http_prot"',
);

test('toConfig() passes over what else is in the environment', (t) => {
  t.notThrows(() => from({ environment: { FAASM_UNKNOWN: '1', PATH: '/bin' } }));
});

const secret = test.macro((t, sources: Partial<ConfigSources>, expected: string) => {
  t.is(from({ readSecret: (path) => `  content of ${path}\n`, ...sources }).NATS_PASSWORD, expected);
});

const NATS_PASSWORD_FILE = '/run/secret';
test(
  'toConfig() reads a secret from its file, trimmed',
  secret,
  { environment: { NATS_PASSWORD_FILE } },
  'content of /run/secret',
);
test(
  'toConfig() takes a secret itself before its file',
  secret,
  { environment: { NATS_PASSWORD_FILE, NATS_PASSWORD: 'given' } },
  'given',
);
test(
  'toConfig() takes the flag of a secret before its file',
  secret,
  { environment: { NATS_PASSWORD_FILE }, flags: { 'nats-password': 'flag' } },
  'flag',
);
test(
  'toConfig() takes a secret file before the configuration file',
  secret,
  { environment: { NATS_PASSWORD_FILE }, file: { nats_password: 'from file' } },
  'content of /run/secret',
);
test(
  'toConfig() takes a secret out of the configuration file',
  secret,
  { file: { nats_password: 'from file' } },
  'from file',
);

test('toConfig() reads a file for secrets alone', (t) => {
  t.is(from({ environment: { NATS_USER_FILE: '/run/user', NATS_USER: 'me' } }).NATS_USER, 'me');
});

test('flagOf() has dashes and no prefix', (t) => {
  t.is(flagOf('FAASM_HTTP_PORT'), 'http-port');
  t.is(flagOf('NATS_URL'), 'nats-url');
});
