/**
 * `npm test`: types, lint, then all tests; the last line counts them.
 * Programs that the tests need are installed where that is possible (as root on Debian); otherwise the files that
 * need them are skipped, and it is said aloud. With CI=true nothing is skipped.
 * The tests that talk to a nats-server are run once more with the one in the folder FAASM_TEST_OTHER_NATS, if it is set.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { filesThatNeed } from './_servers/files-that-need.ts';

const root = join(import.meta.dirname, '..');
const binaries = join(root, 'node_modules', '.bin');
const inCi = process.env.CI === 'true';

/** Each is the package's name too, and what starts it in the tests. */
const programs = [
  { program: 'nats-server', starter: 'test/_servers/nats-server.ts' },
  { program: 'redis-server', starter: 'test/_servers/redis-server.ts' },
  { program: 'curl', starter: 'test/e2e/_curl.ts' },
];

const checks = [
  { name: 'types', command: ['tsc'] },
  { name: 'lint', command: ['biome', 'check', '--error-on-warnings'] },
];

const skippedFiles = toSkippedFiles(installPrograms());
const failedChecks: string[] = [];
for (const { name, command } of checks) {
  console.log(`\n# ${name}`);
  if ((await run(command)).status !== 0) failedChecks.push(name);
}
console.log('\n# tests');
const asked = process.argv.slice(2);
const counts = [await runTests(toPatterns(asked))];
const otherNats = process.env.FAASM_TEST_OTHER_NATS ?? '';
if (otherNats !== '' && asked.length === 0) {
  console.log(`\n# tests with the nats-server in ${otherNats}`);
  counts.push(await runTests(filesThatNeed(root, 'test/_servers/nats-server.ts'), otherNats));
}
const sum = (name: keyof Counts): number => counts.reduce((total, each) => total + each[name], 0);
const passed = sum('passed') + checks.length - failedChecks.length;
const failed = sum('failed') + failedChecks.length;
const skipped = sum('skipped');
for (const name of failedChecks) console.log(`${name} failed; see above`);
if (inCi && skipped > 0) console.log(`${skipped} tests were skipped, which CI does not allow`);
console.log(
  `\n${[
    `${passed} passed`,
    `${failed + (inCi ? skipped : 0)} failed`,
    ...(skipped > 0 && !inCi ? [`${skipped} skipped`] : []),
    ...(skippedFiles.length > 0 ? [`${skippedFiles.length} files skipped`] : []),
  ].join(', ')}`,
);
process.exitCode = failed > 0 || (inCi && skipped > 0) ? 1 : 0;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** @param folder of programs that are taken before all others */
async function runTests(patterns: readonly string[], folder?: string): Promise<Counts> {
  const { status, output } = await run(['ava', ...patterns], folder);
  const count = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? 0);
  const failed =
    count(/(\d+) tests? failed/) + count(/(\d+) uncaught exception/) + count(/(\d+) unhandled rejection/);
  return {
    passed: output.split('\n').filter((line) => line.startsWith('  ✔ ')).length,
    failed: Math.max(failed, status === 0 ? 0 : 1),
    skipped: count(/(\d+) tests? skipped/),
  };
}

/** A program of the development packages; what it says is passed on and kept. */
async function run(
  [command, ...parameters]: readonly string[],
  folder?: string,
): Promise<{ status: number; output: string }> {
  const child = spawn(join(binaries, command!), parameters, {
    cwd: root,
    env: {
      ...process.env,
      PATH: [binaries, ...(folder === undefined ? [] : [folder]), process.env.PATH].join(delimiter),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      process.stdout.write(text);
    });
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { status: status ?? 1, output };
}

/** @returns what is missing still */
function installPrograms(): typeof programs {
  const missing = programs.filter(({ program }) => !isOnPath(program));
  if (missing.length === 0 || process.getuid?.() !== 0 || !isOnPath('apt-get')) return missing;
  const names = missing.map(({ program }) => program);
  console.log(`Installing ${names.join(', ')}, which the tests need`);
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
  spawnSync('apt-get', ['update'], options);
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], options);
  return missing.filter(({ program }) => !isOnPath(program));
}

function toSkippedFiles(missing: typeof programs): string[] {
  const all = new Set<string>();
  for (const { program, starter } of missing) {
    const files = filesThatNeed(root, starter);
    const what = inCi ? 'These tests fail without it' : 'These tests are SKIPPED';
    console.log(`${program} is NOT INSTALLED. ${what}; install it with: apt-get install ${program}`);
    for (const file of files) {
      console.log(`  ${file}`);
      all.add(file);
    }
  }
  return inCi ? [] : [...all];
}

/** AVA takes exclusions only beside something that they are taken from, and runs a file by its name all the same. */
function toPatterns(asked: readonly string[]): string[] {
  if (skippedFiles.length === 0) return [...asked];
  const all = asked.some((each) => !each.startsWith('-')) ? [] : ['test/**'];
  const wanted = asked.filter((each) => !skippedFiles.includes(each));
  return [...wanted, ...all, ...skippedFiles.map((file) => `!${file}`)];
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}
