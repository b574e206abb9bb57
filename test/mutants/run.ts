/**
 * `npm run mutants`: how many small faults the tests find. First those that were planted by hand, all of them; then
 * some that are generated, of each file of a core or a shell. A fault is laid over the file as it is loaded, so nothing
 * is written to the working tree, and only the tests that guard the file are run. What these let live goes to the
 * compiler.
 *
 *     npm run mutants -- [--all | --per-file 8] [--seed 7] [--no-planted] [part of a path]...
 *
 * It says the seed of its choice; it fails when a planted fault lives, or less than nine of ten generated ones are found.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../random.ts';
import { equivalents } from './equivalent.ts';
import { type Overlay, overlayVariable } from './hook.ts';
import { apply, type Mutant, mutantsOf } from './operators.ts';
import { planted } from './planted.ts';
import { pathsOf, rooms, root } from './rooms.ts';

type Outcome = 'killed' | 'too late' | 'no types' | 'lived' | 'unguarded';

interface Fault {
  readonly room: string;
  readonly file: string;
  readonly what: string;
  readonly source: string;
  readonly mutant: Mutant;
  readonly guards: readonly string[];
}

interface Count {
  mutants: number;
  killed: number;
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    all: { type: 'boolean', default: false },
    'per-file': { type: 'string', default: '8' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    planted: { type: 'boolean', default: true },
  },
});
const perFile = options.all ? Number.POSITIVE_INFINITY : Number(options['per-file']);
const random = createRandom(Number(options.seed));
/** An endless loop is told by the time its tests took before, and so much more. */
const moreMs = 10_000;
const heapMaxMebibytes = 512;
const wantedRate = 0.9;

const folder = mkdtempSync(join(tmpdir(), 'faasm-mutants-'));
const overlayFile = join(folder, 'overlay.json');
/** How long the guards take by themselves, by their names; nothing for those that fail by themselves. */
const usualMs = new Map<string, number | undefined>();
let copied = false;
const counts = new Map<string, Map<string, Count>>();

let running: ChildProcess | undefined;
process.on('exit', () => {
  end(running);
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    report();
    process.exit(1);
  });
}
console.log(`seed ${options.seed}`);
const faults = [...(options.planted ? plantedFaults() : []), ...generatedFaults()].filter(
  ({ file }) => positionals.length === 0 || positionals.some((part) => file.includes(part)),
);
for (const [at, fault] of faults.entries()) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${at} of ${faults.length}: ${fault.file}\r`);
  const outcome = await run(fault);
  count(fault, outcome);
  if (outcome === 'lived') console.log(show(fault));
}
report();

function* plantedFaults(): Generator<Fault> {
  for (const { file, text, replacement, guards, fault } of planted) {
    const source = read(file);
    const start = source.indexOf(text);
    if (start === -1) throw new Error(`${file} has no such text any more: ${text}`);
    const mutant = { operator: fault, start, end: start + text.length, replacement };
    yield { room: 'planted', file, what: fault, source, mutant, guards };
  }
}

function* generatedFaults(): Generator<Fault> {
  for (const { name, files, guards } of rooms) {
    for (const file of pathsOf([files])) {
      const source = read(file);
      const all = mutantsOf(source).filter((mutant) => !isEquivalent(file, source, mutant));
      for (const mutant of choose(all)) {
        yield { room: name, file, what: mutant.operator, source, mutant, guards: pathsOf(guards) };
      }
    }
  }
}

function choose(all: readonly Mutant[]): Mutant[] {
  const left = [...all];
  const chosen: Mutant[] = [];
  while (left.length > 0 && chosen.length < perFile)
    chosen.push(...left.splice(random.below(left.length), 1));
  return chosen.sort((one, other) => one.start - other.start);
}

function isEquivalent(file: string, source: string, mutant: Mutant): boolean {
  const { line, before } = lineOf(source, mutant);
  return equivalents.some(
    (one) =>
      one.file === file &&
      one.line === line &&
      one.operator === mutant.operator &&
      (one.after ?? before) === before,
  );
}

async function run({ file, source, mutant, guards }: Fault): Promise<Outcome> {
  const overlay: Overlay = { path: join(root, file), source: apply(source, mutant) };
  const ownMs = await timeOf(guards);
  if (ownMs === undefined) return 'unguarded';
  const outcome = await ava(guards, overlay, 3 * ownMs + moreMs);
  return outcome === 'lived' && !hasTypes(file, source, overlay.source) ? 'no types' : outcome;
}

async function timeOf(guards: readonly string[]): Promise<number | undefined> {
  const name = guards.join(' ');
  if (!usualMs.has(name)) {
    const startMs = performance.now();
    const passes = (await ava(guards, undefined, Number.POSITIVE_INFINITY)) === 'lived';
    usualMs.set(name, passes ? performance.now() - startMs : undefined);
    if (!passes) console.log(`\nFAIL WITHOUT A FAULT, so what they guard is not counted: ${name}`);
  }
  return usualMs.get(name);
}

/** In a copy of the program, which is as it was afterwards. */
function hasTypes(file: string, source: string, mutated: string): boolean {
  if (!copied) {
    for (const part of ['proto', 'src', 'actors', 'tsconfig.json', 'package.json']) {
      cpSync(join(root, part), join(folder, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    copied = true;
  }
  writeFileSync(join(folder, file), mutated);
  const options = ['--incremental', '--tsBuildInfoFile', join(folder, 'types')];
  const { status } = spawnSync(program('tsc'), options, { cwd: folder, stdio: 'ignore' });
  writeFileSync(join(folder, file), source);
  return status === 0;
}

function program(name: string): string {
  return join(root, 'node_modules', '.bin', name);
}

async function ava(
  guards: readonly string[],
  overlay: Overlay | undefined,
  limitMs: number,
): Promise<Outcome> {
  if (overlay !== undefined) writeFileSync(overlayFile, JSON.stringify(overlay));
  const hook = `--import=${join(import.meta.dirname, 'hook.ts')}`;
  const child = spawn(program('ava'), ['--fail-fast', '--concurrency=1', ...guards], {
    cwd: root,
    env: {
      ...process.env,
      NODE_OPTIONS: `${hook} --max-old-space-size=${heapMaxMebibytes}`,
      ...(overlay !== undefined && { [overlayVariable]: overlayFile }),
    },
    stdio: 'ignore',
    // The leader of a group of its own, which is ended as a whole: a worker in an endless loop hears nothing.
    detached: true,
  });
  running = child;
  let isLate = false;
  const timer = Number.isFinite(limitMs)
    ? setTimeout(() => {
        isLate = true;
        end(child);
      }, limitMs)
    : undefined;
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  end(child);
  running = undefined;
  return isLate ? 'too late' : status === 0 ? 'lived' : 'killed';
}

/** With all that it started. */
function end(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

function count({ room, file }: Fault, outcome: Outcome): void {
  if (outcome === 'unguarded') {
    process.exitCode = 1;
    return;
  }
  let files = counts.get(room);
  if (files === undefined) counts.set(room, (files = new Map()));
  let sum = files.get(file);
  if (sum === undefined) files.set(file, (sum = { mutants: 0, killed: 0 }));
  sum.mutants++;
  if (outcome !== 'lived') sum.killed++;
}

function report(): void {
  for (const [room, files] of counts) {
    const sums = [...files.values()];
    const total: Count = {
      mutants: sums.reduce((sum, { mutants }) => sum + mutants, 0),
      killed: sums.reduce((sum, { killed }) => sum + killed, 0),
    };
    console.log(`\n${row(room, 'mutants', 'killed', 'lived', 'rate')}`);
    for (const [file, sum] of files) console.log(toRow(file, sum));
    console.log(toRow('all', total));
    if (total.killed / total.mutants < (room === 'planted' ? 1 : wantedRate)) process.exitCode = 1;
  }
}

function toRow(name: string, { mutants, killed }: Count): string {
  return row(
    name,
    `${mutants}`,
    `${killed}`,
    `${mutants - killed}`,
    `${Math.floor((100 * killed) / mutants)} %`,
  );
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(42) + cells.map((cell) => cell.padStart(9)).join('');
}

/** As a diff does, of the lines that are not the same. */
function show({ file, what, source, mutant }: Fault): string {
  const { number } = lineOf(source, mutant);
  const [before, after] = [source.split('\n'), apply(source, mutant).split('\n')];
  const more = after.length - before.length;
  let last = source.slice(0, mutant.end).split('\n').length;
  const removed = before.slice(number - 1, last);
  last += more;
  const added = after.slice(number - 1, last);
  const lines = [...removed.map((line) => `-${line}`), ...added.map((line) => `+${line}`)];
  return `\nLIVED ${file}:${number}: ${what}\n${lines.join('\n')}`;
}

function lineOf(source: string, { start }: Mutant): { number: number; line: string; before: string } {
  const number = source.slice(0, start).split('\n').length;
  const [before = '', line = ''] = ['', ...source.split('\n')].slice(number - 1, number + 1);
  return { number, line: line.trim(), before: before.trim() };
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
