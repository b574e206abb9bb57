import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FaasmError } from '../../../proto/errors.ts';
import { type FilePath, toFilePath } from '../../../proto/file-path.ts';
import { quote } from '../../../proto/names.ts';
import { defineCommand, jsonOption, UsageError, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { toInput } from '../input.ts';
import { asUsage } from '../operands.ts';
import { printJson } from '../output.ts';
import { type FileOperand, listDiskFiles, toFileOperand, toFileRoute } from '../shared-files.ts';

/** Uploads at once. */
const uploadsMax = 8;

interface Upload {
  readonly path: FilePath;
  readonly from: string;
}

export const filePut = defineCommand({
  usage: '<user>/<path> (<file> | <folder> | -)',
  about: [
    'All functions of the user see the file at /<path>, from their next call on. A folder is put with all that is in it,',
    'and <user> alone is the root. With - the file comes from standard input.',
  ].join('\n'),
  operands: [2, 2],
  options: { ...urlOption, ...jsonOption },
  async run({ operands: [name, from], options, world }) {
    const operand = toFileOperand(name!);
    const client = createHostClient(options, world);
    const uploads = from === '-' ? [toStandardInput(operand)] : await toUploads(operand, from!);
    const { length } = uploads;
    const workers = Array.from({ length: uploadsMax }, async () => {
      for (let next = uploads.pop(); next !== undefined; next = uploads.pop()) {
        const body = (await toInput({ file: next.from }, world))!;
        await client.send({ method: 'PUT', path: toFileRoute(operand.user, next.path), body });
      }
    });
    await Promise.all(workers);
    if (options.json) printJson(world.stdout, { written: name, files: length });
    else world.stderr.write(`${length} ${length === 1 ? 'file' : 'files'} put\n`);
  },
});

function toStandardInput({ path, isFolder }: FileOperand): Upload {
  if (path !== undefined && !isFolder) return { path, from: '-' };
  throw new UsageError('Standard input is put as a file, as in demo/lib/data.txt');
}

/** The last first, as they are taken from the end. */
async function toUploads({ path, isFolder }: FileOperand, from: string): Promise<Upload[]> {
  const found = await stat(from).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file or folder' : cause.message;
    throw new FaasmError('not_found', `Cannot read ${quote(from)}: ${reason}`, { cause });
  });
  if (found.isDirectory()) {
    const prefix = path === undefined ? '' : `${path}/`;
    const files = await listDiskFiles(from);
    return files.reverse().map((file) => ({
      path: asUsage(() => toFilePath(prefix + file)),
      from: join(from, file),
    }));
  }
  if (path === undefined || isFolder)
    throw new UsageError(`A file is put under its whole path, as in demo/lib/data.txt`);
  return [{ path, from }];
}
