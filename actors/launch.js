#!/usr/bin/env node
/**
 * The first step of the `faasm` command, in JavaScript that any Node of the last years reads: it finds a Node that can
 * run the rest, and says what is missing where there is none.
 *
 * In:   arguments, the Node that was called
 * Out:  the `faasm` command, in this process or in one with the Node of the project's own
 * Never: knows a command
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The first that runs TypeScript as it is and lets a guest's call suspend. */
const nodeMajorMin = 26;
const command = fileURLToPath(new URL('faasm.ts', import.meta.url));
const root = dirname(dirname(command));

if (Number.parseInt(process.versions.node, 10) >= nodeMajorMin) await import('./faasm.ts').catch(failOrThrow);
else runWithOwnNode();

function failOrThrow(error) {
  const missing = /^Cannot find package '([^']+)'/.exec(error?.message ?? '')?.[1];
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || missing === undefined) throw error;
  fail(`The package ${missing} is not installed.`);
}

function runWithOwnNode() {
  const node = findOwnNode();
  const has = `Faasm runs on Node ${nodeMajorMin} or later, and this is Node ${process.versions.node}.`;
  if (node === undefined) fail(`${has} A package that npm installs for ${platformName()} brings one.`);
  const child = spawn(node, [command, ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => fail(`${has} The one in ${node} cannot be started: ${error.message}.`));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}

/** @returns the path of the Node that came as a package for this platform, if it is there */
function findOwnNode() {
  for (const name of [`node-${platformName()}`, `node-bin-${platformName()}`]) {
    const folder = join(root, 'node_modules', name);
    if (!existsSync(join(folder, 'package.json'))) continue;
    const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    if (existsSync(join(folder, bin.node))) return join(folder, bin.node);
  }
  return undefined;
}

function platformName() {
  return `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
}

function fail(why) {
  process.stderr.write(`${why}\nInstall what Faasm needs with: npm ci\nin ${root}\n`);
  process.exit(1);
}
