import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { toStatePath } from '../operands.ts';
import { printJson } from '../output.ts';

export const stateRm = defineCommand({
  usage: '<user>/<key>',
  about: '',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands, options, world }) {
    const path = `/s/${toStatePath(operands[0]!)}`;
    await createHostClient(options, world).send({ method: 'DELETE', path });
    if (options.json) printJson(world.stdout, { deleted: operands[0] });
    else world.stderr.write(`${operands[0]} is deleted\n`);
  },
});
