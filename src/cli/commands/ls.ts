import type { FunctionDescription } from '../../../proto/messages.ts';
import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { toUserPath } from '../operands.ts';
import { printJson, toTable, toTime } from '../output.ts';

export const ls = defineCommand({
  usage: '<user>',
  about: '',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands, options, world }) {
    const path = `/f/${toUserPath(operands[0]!)}`;
    const list = (await createHostClient(options, world).json({
      method: 'GET',
      path,
    })) as FunctionDescription[];
    if (options.json) printJson(world.stdout, list);
    else
      world.stdout.write(toTable(['FUNCTION', 'VERSION', 'BYTES', 'UPLOADED', 'VERSIONS'], list.map(toRow)));
  },
});

function toRow({ user, name, live, versions }: FunctionDescription): string[] {
  const version = versions.find(({ version }) => version === live);
  return [
    `${user}/${name}`,
    live.slice(0, 12),
    version === undefined ? '' : String(version.sizeBytes),
    version === undefined ? '' : toTime(version.uploadedAtMs),
    String(versions.length),
  ];
}
