import { FaasmError } from '../../../proto/errors.ts';
import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient, type HostClient } from '../host-client.ts';
import { printJson } from '../output.ts';
import { type FileOperand, listSharedFiles, toFile, toFileOperand, toFileRoute } from '../shared-files.ts';

export const fileRm = defineCommand({
  usage: '<user>/<path>',
  about: 'With a slash at its end it is a folder, which is deleted with all that is in it.',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands: [name], options, world }) {
    const client = createHostClient(options, world);
    const operand = toFileOperand(name!);
    const isFolder = operand.path !== undefined && operand.isFolder;
    const paths = isFolder
      ? (await listSharedFiles(client, operand)).map(({ path }) => path)
      : [toFile(name!).path];
    for (const path of paths) {
      const route = toFileRoute(operand.user, path);
      await client.send({ method: 'DELETE', path: route }).catch(async (thrown) => {
        throw isFolder ? thrown : await orFolder(thrown, client, operand, name!);
      });
    }
    if (options.json) printJson(world.stdout, { deleted: name, files: paths.length });
    else world.stderr.write(`${name} is deleted, ${paths.length} ${paths.length === 1 ? 'file' : 'files'}\n`);
  },
});

/** A file that is not there may be a folder. */
async function orFolder(
  thrown: unknown,
  client: HostClient,
  operand: FileOperand,
  name: string,
): Promise<unknown> {
  const error = FaasmError.from(thrown);
  if (error.code !== 'not_found' || (await listSharedFiles(client, operand)).length === 0) return thrown;
  return new FaasmError('not_found', `${name} is a folder; faasm file rm ${name}/ deletes all that is in it`);
}
