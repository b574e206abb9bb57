/**
 * `npm run sim:planted`: puts each fault of planted.ts into the program, one at a time, and says whether the simulator
 * finds it, and how soon. Nothing is written to the working tree.
 *
 *     node test/sim/plant.ts [--worlds 40] [--seed 1] [part of a fault]...
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Overlay, overlayVariable } from '../mutants/hook.ts';
import { root } from '../mutants/rooms.ts';
import { planted } from './planted.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { worlds: { type: 'string', default: '40' }, seed: { type: 'string', default: '1' } },
});
const folder = mkdtempSync(join(tmpdir(), 'planted-'));
let found = 0;
let tried = 0;
for (const { file, text, replacement, fault } of planted) {
  if (positionals.length > 0 && !positionals.some((part) => fault.includes(part))) continue;
  const path = join(root, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(text).length !== 2)
    throw new Error(`${fault}: ${file} has to have this text once: ${text}`);
  const overlay = join(folder, 'overlay.json');
  writeFileSync(
    overlay,
    JSON.stringify({ path, source: source.replace(text, () => replacement) } satisfies Overlay),
  );
  const hook = `--import=${join(root, 'test/mutants/hook.ts')}`;
  const args = ['--disable-warning=ExperimentalWarning', hook, join(root, 'test/sim/run.ts')];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...args, '--worlds', values.worlds, '--from', values.seed],
    { env: { ...process.env, [overlayVariable]: overlay }, encoding: 'utf8' },
  );
  tried++;
  if (status !== 0) found++;
  const [why = ''] = `${stdout}${stderr}`.split('\n').filter((line) => /^seed|Error/.test(line));
  const worlds = /(\d+) worlds/.exec(stdout)?.[1] ?? '?';
  console.log(`${status === 0 ? 'LIVES' : 'found'} | ${fault} | ${worlds} worlds | ${why.slice(0, 200)}`);
}
rmSync(folder, { recursive: true });
console.log(`${found} of ${tried} are found`);
