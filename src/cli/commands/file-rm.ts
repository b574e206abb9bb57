import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { printJson } from '../output.ts';
import { listSharedFiles, toFile, toFileOperand, toFileRoute } from '../shared-files.ts';

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
    for (const path of paths) await client.send({ method: 'DELETE', path: toFileRoute(operand.user, path) });
    if (options.json) printJson(world.stdout, { deleted: name, files: paths.length });
    else world.stderr.write(`${name} is deleted, ${paths.length} ${paths.length === 1 ? 'file' : 'files'}\n`);
  },
});
