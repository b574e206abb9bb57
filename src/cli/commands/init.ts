import { constants } from 'node:fs';
import { copyFile, readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FaasmError } from '../../../proto/errors.ts';
import { quote, toFunctionName } from '../../../proto/names.ts';
import { makeFolder } from '../../make-folder.ts';
import { defineCommand, jsonOption, UsageError } from '../command.ts';
import { printJson } from '../output.ts';

/** Each is a folder of func/templates with the source of one function. */
const templates = ['as', 'c', 'cpp', 'wat'];

export const init = defineCommand({
  usage: `[<folder>] [--template ${templates.join('|')}]`,
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
    ...jsonOption,
  },
  async run({ operands: [folder = '.'], options: { template = 'as', json }, world }) {
    if (!templates.includes(template)) {
      throw new UsageError(`A template is one of ${templates.join(', ')}, not ${quote(template)}`);
    }
    const from = fileURLToPath(new URL(`../../../func/templates/${template}`, import.meta.url));
    const [source] = (await readdir(from)) as [string];
    const path = join(folder, source);
    await copyNew(join(from, source), folder, path);
    if (json) printJson(world.stdout, { written: path });
    else world.stdout.write(nextSteps(path, toName(folder)));
  },
});

async function copyNew(from: string, folder: string, path: string): Promise<void> {
  await makeFolder(folder).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'EEXIST' ? 'it is a file' : cause.message;
    throw new FaasmError('conflict', `Cannot make the folder ${quote(folder)}: ${reason}`, { cause });
  });
  await copyFile(from, path, constants.COPYFILE_EXCL).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'EEXIST' ? 'it is there already; name another folder' : cause.message;
    throw new FaasmError('conflict', `Cannot write ${quote(path)}: ${reason}`, { cause });
  });
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
    'On a host, which is started by npm start:',
    `  npx faasm deploy me/${name} ${typed}`,
    `  npx faasm invoke me/${name} -d Ada`,
    `  curl -d Ada http://localhost:8001/f/me/${name}`,
    '',
  ].join('\n');
}

/** As a shell takes it. */
function toTyped(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
