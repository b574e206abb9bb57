/**
 * `npm run build`: JavaScript and type declarations of the program, in dist/.
 * Node strips no types below node_modules, so a package has JavaScript. The compiler rewrites the extensions of imports;
 * those of threads and child processes, which are named by URL, and those in declarations are rewritten here.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const compiler = [join(root, 'node_modules/typescript/bin/tsc'), '--project', 'tsconfig.build.json'];
const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.d.ts')) rewrite(path, /(from |import\()(['"]\.[^'"]*)\.ts(?=['"])/g);
  else if (path.endsWith('.js')) rewrite(path, /(new URL\()('\.[^']*)\.ts(?=', import\.meta\.url\))/g);
}
copyFileSync(join(root, 'src/console/page.html'), join(dist, 'src/console/page.html'));

function rewrite(path: string, reference: RegExp): void {
  const text = readFileSync(join(dist, path), 'utf8');
  const rewritten = text.replaceAll(reference, '$1$2.js');
  if (rewritten !== text) writeFileSync(join(dist, path), rewritten);
}
