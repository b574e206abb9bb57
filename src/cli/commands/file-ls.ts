import type { FileDescription } from '../../../proto/messages.ts';
import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { printJson, toTable, toTime } from '../output.ts';
import { listSharedFiles, toFileOperand } from '../shared-files.ts';

export const fileLs = defineCommand({
  usage: '<user>[/<folder>]',
  about: 'The files in a folder and in all folders of it.',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands, options, world }) {
    const list = await listSharedFiles(createHostClient(options, world), toFileOperand(operands[0]!));
    if (options.json) printJson(world.stdout, list);
    else world.stdout.write(toTable(['PATH', 'BYTES', 'MODIFIED'], list.map(toRow)));
  },
});

function toRow({ path, sizeBytes, modifiedAtMs }: FileDescription): string[] {
  return [path.replaceAll(/\p{C}/gu, '?'), String(sizeBytes), toTime(modifiedAtMs)];
}
