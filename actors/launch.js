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
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The first that lets a guest's call suspend. */
const nodeMajorMin = 26;
/** In the repository; a package has what `npm run build` made of it. */
const source = new URL('faasm.ts', import.meta.url);
const isPackage = !existsSync(source);
const command = isPackage ? new URL('../dist/actors/faasm.js', import.meta.url) : source;

if (Number.parseInt(process.versions.node, 10) >= nodeMajorMin) await import(command).catch(failOrThrow);
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
  const child = spawn(node, [fileURLToPath(command), ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => fail(`${has} The one in ${node} cannot be started: ${error.message}.`));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}

/** @returns the path of the Node that came as a package for this platform, if it is there */
function findOwnNode() {
  for (const name of [`node-${platformName()}`, `node-bin-${platformName()}`]) {
    const json = findPackageJson(name);
    if (json === undefined) continue;
    const node = join(dirname(json), JSON.parse(readFileSync(json, 'utf8')).bin.node);
    if (existsSync(node)) return node;
  }
  return undefined;
}

function findPackageJson(name) {
  try {
    return createRequire(import.meta.url).resolve(`${name}/package.json`);
  } catch {
    return undefined;
  }
}

function platformName() {
  return `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
}

function fail(why) {
  const remedy = isPackage
    ? 'Install Faasm again, with its optional packages: npm install --include=optional'
    : `Install what Faasm needs with: npm ci\nin ${fileURLToPath(new URL('..', import.meta.url))}`;
  process.stderr.write(`${why}\n${remedy}\n`);
  process.exit(1);
}
