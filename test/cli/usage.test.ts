import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { commands } from '../../src/cli/commands.ts';
import { flagOf, settingNames } from '../../src/config/settings.ts';
import { faasm } from './_faasm.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-cli-'));
await writeFile(join(folder, 'broken.json'), '{');
await writeFile(join(folder, 'list.json'), '[]');
await writeFile(join(folder, 'unknown.json'), '{"http_prot": 1}');
await writeFile(join(folder, 'bad.json'), '{"http_port": 70000}');
test.after.always(() => rm(folder, { recursive: true, force: true }));

const isWrong = test.macro({
  title: (given) => `faasm refuses: ${given}`,
  async exec(t, args: readonly string[], message: RegExp) {
    const run = await faasm(args, { folder });
    t.is(run.status, 2);
    t.is(run.stdout.toString(), '');
    t.regex(run.stderr, message);
  },
});

test('no command', isWrong, [], /^faasm: Which command\?\n\nFaasm: serverless[\s\S]*\n {2}invoke /);
test(
  'an unknown command',
  isWrong,
  ['dpeloy'],
  /^faasm: There is no command "dpeloy"; faasm --help lists them; did you mean deploy\?\n$/,
);
test('half a command', isWrong, ['state'], /^faasm: Which of these\?[\s\S]* {2}state put /);
test('help of an unknown command', isWrong, ['help', 'x'], /There is no command "x"/);
test(
  'an operand is missing',
  isWrong,
  ['ls'],
  /^faasm: <user> is missing\nUsage: faasm ls <user>; --help tells more\n$/,
);
test(
  'a second operand is missing',
  isWrong,
  ['deploy', 'demo/x'],
  /^faasm: <file\.wasm \| source> is missing\n/,
);
test(
  'an operand that is one of several is missing',
  isWrong,
  ['file', 'put', 'demo/x'],
  /^faasm: \(<file> \| <fo/,
);
test(
  'a misspelt option',
  isWrong,
  ['start', '--http-prot', '1'],
  /Unknown option '--http-prot'.*did you mean --http-port\?/,
);
test(
  'a script without its runtime',
  isWrong,
  ['deploy', 'demo/x', 'x.py'],
  /x\.py is a script: .*--runtime python/,
);
test('an operand too many', isWrong, ['ls', 'demo', 'x'], /"x" is one argument too many/);
test('an unknown option', isWrong, ['invoke', 'demo/echo', '--fast'], /Unknown option '--fast'/);
test(
  'an option without its value',
  isWrong,
  ['invoke', 'demo/echo', '-d'],
  /'-d, --data <value>' argument missing/,
);
test(
  'a function without a user',
  isWrong,
  ['invoke', 'echo'],
  /A function is named with its user, as in demo\/echo, not "echo"/,
);
test('a function with too much', isWrong, ['rm', 'a/b/c'], /not "a\/b\/c"/);
test('a bad function name', isWrong, ['invoke', 'demo/e.o'], /Bad function name "e\.o"/);
test('a bad user name', isWrong, ['ls', '../x'], /Bad user name/);
test('a state value without a key', isWrong, ['state', 'get', 'demo/'], /A state key has 1 to 512 bytes/);
test('a state value without a user', isWrong, ['state', 'get', 'count'], /as in demo\/count/);
test('a bad call id', isWrong, ['status', 'a/b'], /Bad call id/);
test(
  'a bad timeout',
  isWrong,
  ['invoke', 'demo/echo', '--timeout', '5'],
  /--timeout is a duration such as 500ms/,
);
test('no value to put', isWrong, ['state', 'put', 'demo/k'], /No value is given: use -d, -f or -/);
test('two values to put', isWrong, ['state', 'put', 'demo/k', '-d', 'a', '-f', 'b'], /given more than once/);
test('data that is no option', isWrong, ['invoke', 'demo/echo', 'hello'], /data is given with -d/);
test(
  'a URL that is none',
  isWrong,
  ['ls', 'demo', '--url', 'localhost'],
  /such as http:\/\/localhost:8001, not "localhost"/,
);
test('a URL of another kind', isWrong, ['ls', 'demo', '--url', 'ftp://x'], /not "ftp:\/\/x"/);
test(
  'an optimization that is none',
  isWrong,
  ['build', join(import.meta.dirname, '../../func/demo/upper.c'), '-O9'],
  /-O is followed by/,
);
test(
  'a port that is none',
  isWrong,
  ['start', '--http-port', 'x'],
  /FAASM_HTTP_PORT \(--http-port\) is a port, 0 to 65535, not "x"/,
);
test(
  'a log level that is none',
  isWrong,
  ['start', '--log-level', 'loud'],
  /FAASM_LOG_LEVEL \(--log-level\) is one of debug, /,
);
test(
  'no configuration file',
  isWrong,
  ['dev', '--config', 'none.json'],
  /Cannot read the configuration file "none\.json"/,
);
test(
  'a broken configuration file',
  isWrong,
  ['start', '--config', 'broken.json'],
  /"broken\.json" is not JSON/,
);
test('a list for a configuration', isWrong, ['start', '--config', 'list.json'], /is not a JSON object/);
test(
  'an unknown setting in a file',
  isWrong,
  ['start', '--config', 'unknown.json'],
  /unknown setting "http_prot"/,
);
test('a bad setting in a file', isWrong, ['start', '--config', 'bad.json'], /FAASM_HTTP_PORT .* not "70000"/);

test('faasm tells a wrong usage as JSON with --json', async (t) => {
  const run = await faasm(['ls', '--json']);
  t.is(run.status, 2);
  t.deepEqual(JSON.parse(run.stderr), { code: 'usage', message: '<user> is missing' });
});

test('faasm start names a secret file that is missing', async (t) => {
  const run = await faasm(['start'], { environment: { NATS_PASSWORD_FILE: '/nowhere/secret' } });
  t.is(run.status, 2);
  t.regex(run.stderr, /Cannot read the secret file "\/nowhere\/secret"/);
});

const saysHelp = test.macro({
  title: (given) => `faasm ${given}`,
  async exec(t, args: readonly string[], parts: readonly string[]) {
    const run = await faasm(args);
    t.is(run.status, 0);
    t.is(run.stderr, '');
    const text = run.stdout.toString();
    for (const part of parts) t.true(text.includes(part), `${part} in\n${text}`);
  },
});

test(
  '--help lists every command',
  saysHelp,
  ['--help'],
  [...[...commands].flatMap(([name, { summary }]) => [`  ${name} `, `  ${summary}\n`]), '--config'],
);
test('help tells the same', saysHelp, ['help'], ['Usage: faasm <command> [options]']);
test(
  'help <command> tells of the command',
  saysHelp,
  ['help', 'state', 'put'],
  ['Usage: faasm state put <user>/<key>', '-f, --file <file>'],
);
test(
  'state --help lists the commands of state',
  saysHelp,
  ['state', '--help'],
  ['state get', 'state put', 'state rm', 'state ls'],
);
test(
  'start --help lists every setting',
  saysHelp,
  ['start', '--help'],
  [...settingNames.flatMap((name) => [`--${flagOf(name)} <`, `[${name}`])],
);
test(
  'dev --help tells what it builds',
  saysHelp,
  ['dev', '-h'],
  ['func/<user>/<name>.cpp', '--http-port <n>'],
);
for (const name of [
  'build',
  'deploy',
  'invoke',
  'status',
  'ls',
  'rm',
  'state get',
  'state put',
  'state rm',
  'state ls',
]) {
  test(
    `${name} --help`,
    saysHelp,
    [...name.split(' '), '--help'],
    [`Usage: faasm ${name} <`, '--json', '--help'],
  );
}

test('faasm --version writes the version of the package', async (t) => {
  const run = await faasm(['--version']);
  const json = await readFile(join(import.meta.dirname, '../../package.json'), 'utf8');
  t.is(run.stdout.toString(), `${JSON.parse(json).version}\n`);
});

test('faasm build does not take a --help after -- as its own', async (t) => {
  const run = await faasm(['build', 'none.c', '--', '--help']);
  t.is(run.status, 1);
  t.regex(run.stderr, /none\.c/);
});
