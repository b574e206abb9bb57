import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { toFunctionPath } from '../operands.ts';
import { printJson } from '../output.ts';

export const rm = defineCommand({
  usage: '<user>/<name>',
  about: 'All its versions are deleted.',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands, options, world }) {
    const name = toFunctionPath(operands[0]!);
    await createHostClient(options, world).send({ method: 'DELETE', path: `/f/${name}` });
    if (options.json) printJson(world.stdout, { deleted: name });
    else world.stderr.write(`${name} is deleted\n`);
  },
});
