import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { toStatePath } from '../operands.ts';
import { printBytes, printJson, toJsonBytes } from '../output.ts';

export const stateGet = defineCommand({
  usage: '<user>/<key>',
  about: 'Writes exactly the bytes of the value.',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands, options, world }) {
    const path = `/s/${toStatePath(operands[0]!)}`;
    const { body } = await createHostClient(options, world).send({ method: 'GET', path });
    if (options.json) printJson(world.stdout, await toJsonBytes(body));
    else await printBytes(world.stdout, body);
  },
});
