import { constants } from 'node:fs';
import { copyFile, cp, mkdir, readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { FaasmError } from '../../../proto/errors.ts';
import { quote, toFunctionName } from '../../../proto/names.ts';
import { makeFolder } from '../../make-folder.ts';
import { packageRoot } from '../../package-root.ts';
import { defineCommand, jsonOption, UsageError } from '../command.ts';
import { printJson } from '../output.ts';

/** Folders of func/templates, with the source of one function in each. */
const templates = ['as', 'c', 'cpp', 'wat'];

export const init = defineCommand({
  usage: `[<folder>] [--template ${templates.join('|')} | --demos]`,
  about: [
    'Writes the source of a function that can be built, run and deployed at once, and tells how. The folder is made',
    'where there is none, and is this one where none is named. What is there already is not overwritten.',
  ].join('\n'),
  operands: [0, 1],
  options: {
    template: {
      type: 'text',
      value: 'language',
      about: 'as (AssemblyScript, the default), c, cpp, or wat (WebAssembly text)',
    },
    demos: {
      type: 'switch',
      about: 'the demonstrations instead, into func/demo of the folder, where faasm dev finds them',
    },
    ...jsonOption,
  },
  async run({ operands: [folder = '.'], options: { template, demos, json }, world }) {
    if (demos && template !== undefined) throw new UsageError('The demonstrations have no template');
    const { path, text } = demos ? await writeDemos(folder) : await writeTemplate(folder, template);
    if (json) printJson(world.stdout, { written: path });
    else world.stdout.write(text);
  },
});

interface Written {
  readonly path: string;
  /** What to do with it, for people. */
  readonly text: string;
}

async function writeTemplate(folder: string, template = 'as'): Promise<Written> {
  if (!templates.includes(template)) {
    throw new UsageError(`A template is one of ${templates.join(', ')}, not ${quote(template)}`);
  }
  const from = join(packageRoot, 'func/templates', template);
  const [source] = (await readdir(from)) as [string];
  const path = join(folder, source);
  await prepareFolder(folder);
  await copyFile(join(from, source), path, constants.COPYFILE_EXCL).catch(cannotWrite(path));
  return { path, text: nextSteps(path, toName(folder)) };
}

async function writeDemos(folder: string): Promise<Written> {
  const from = join(packageRoot, 'func/demo');
  const path = join(folder, 'func/demo');
  await prepareFolder(join(folder, 'func'));
  await mkdir(path).catch(cannotWrite(path));
  await cp(from, path, { recursive: true });
  return { path, text: demoSteps(folder, path) };
}

async function prepareFolder(folder: string): Promise<void> {
  await makeFolder(folder).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'EEXIST' ? 'it is a file' : cause.message;
    throw new FaasmError('conflict', `Cannot make the folder ${quote(folder)}: ${reason}`, { cause });
  });
}

function cannotWrite(path: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    const reason = cause.code === 'EEXIST' ? 'it is there already; name another folder' : cause.message;
    throw new FaasmError('conflict', `Cannot write ${quote(path)}: ${reason}`, { cause });
  };
}

/** The function is named as its folder, where it may be. */
function toName(folder: string): string {
  try {
    return toFunctionName(basename(resolve(folder)));
  } catch {
    return 'hello';
  }
}

function nextSteps(path: string, name: string): string {
  const typed = toTyped(path);
  const module = path.replace(/\w+$/, 'wasm');
  return [
    `${path} is written. Without a host:`,
    `  echo Ada | npx faasm run ${typed}`,
    `  npx faasm build ${typed} -o ${toTyped(module)}`,
    'On a host, which npx faasm start starts:',
    `  npx faasm deploy me/${name} ${typed}`,
    `  npx faasm invoke me/${name} -d Ada`,
    `  curl -d Ada http://localhost:8001/f/me/${name}`,
    '',
  ].join('\n');
}

function demoSteps(folder: string, path: string): string {
  return [
    `${path} has the demonstrations. A host that builds and serves them:`,
    `  ${folder === '.' ? '' : `cd ${toTyped(folder)} && `}npx faasm dev`,
    '  curl -d "hello faasm" http://localhost:8001/f/demo/echo',
    '',
  ].join('\n');
}

/** As a shell takes it. */
function toTyped(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
