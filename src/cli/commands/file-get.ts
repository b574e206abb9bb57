import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { printBytes, printJson, toJsonBytes } from '../output.ts';
import { toFile, toFileRoute } from '../shared-files.ts';

export const fileGet = defineCommand({
  usage: '<user>/<path>',
  about: 'Writes exactly the bytes of the file.',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands, options, world }) {
    const { user, path } = toFile(operands[0]!);
    const client = createHostClient(options, world);
    const { body } = await client.send({ method: 'GET', path: toFileRoute(user, path) });
    if (options.json) printJson(world.stdout, await toJsonBytes(body));
    else await printBytes(world.stdout, body);
  },
});
