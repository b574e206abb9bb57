/**
 * `npm test`: types, lint, then all tests; the last line counts them.
 * Servers that the tests need are installed where that is possible (as root on Debian); otherwise their tests are
 * skipped, and it is said aloud. With CI=true nothing is skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const packages = [
  { program: 'nats-server', package: 'nats-server' },
  { program: 'redis-server', package: 'redis-server' },
  { program: 'curl', package: 'curl' },
];
const inCi = process.env.CI === 'true';

installServers();
const checks = [
  { name: 'types', command: ['tsc'] },
  { name: 'lint', command: ['biome', 'check', '--error-on-warnings'] },
];
const failedChecks = checks.filter(({ name, command }) => {
  console.log(`\n# ${name}`);
  return run(command).status !== 0;
});
console.log('\n# tests');
const ava = run(['ava', ...process.argv.slice(2)]);
const text = ava.output;
const count = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
const lines = (mark: string): number =>
  text.split('\n').filter((line) => line.startsWith(`  ${mark} `)).length;
const passed = lines('✔') + checks.length - failedChecks.length;
const failedTests =
  count(/(\d+) tests? failed/) + count(/(\d+) uncaught exception/) + count(/(\d+) unhandled rejection/);
const failed = Math.max(failedTests, ava.status === 0 ? 0 : 1) + failedChecks.length;
const skipped = count(/(\d+) tests? skipped/);
for (const { name } of failedChecks) console.log(`${name} failed; see above`);
if (inCi && skipped > 0) console.log(`${skipped} tests were skipped, which CI does not allow`);
console.log(
  `\n${passed} passed, ${failed + (inCi ? skipped : 0)} failed${skipped > 0 && !inCi ? `, ${skipped} skipped` : ''}`,
);
process.exitCode = failed > 0 || (inCi && skipped > 0) ? 1 : 0;

function run([command, ...parameters]: readonly string[]): { status: number; output: string } {
  const program = join(root, 'node_modules', '.bin', command!);
  const environment = { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` };
  const options = { cwd: root, env: environment, encoding: 'utf8', maxBuffer: 2 ** 28 } as const;
  const { status, stdout, stderr } = spawnSync(program, parameters, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.stdout.write(stdout + stderr);
  return { status: status ?? 1, output: stdout + stderr };
}

function installServers(): void {
  const missing = packages.filter(({ program }) => !isOnPath(program));
  if (missing.length === 0) return;
  const names = missing.map((each) => each.package);
  if (process.getuid?.() === 0 && isOnPath('apt-get')) {
    console.log(`Installing ${names.join(', ')}, which the tests need`);
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update'], { stdio: 'ignore', env: environment });
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], {
      stdio: 'ignore',
      env: environment,
    });
  }
  const still = missing.filter(({ program }) => !isOnPath(program)).map((each) => each.package);
  if (still.length === 0) return;
  console.log(
    `NOT INSTALLED: ${still.join(', ')}. Their tests are skipped; install them with: apt-get install ${still.join(' ')}`,
  );
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}
