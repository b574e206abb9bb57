import { defineCommand, jsonOption, UsageError, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { toInput } from '../input.ts';
import { toStatePath } from '../operands.ts';
import { printJson } from '../output.ts';

export const statePut = defineCommand({
  usage: '<user>/<key> (-d <data> | -f <file> | -)',
  about: 'With - the value comes from standard input.',
  operands: [1, 2],
  options: {
    data: { type: 'text', short: 'd', value: 'data', about: 'the value; @file for that of a file' },
    file: { type: 'text', short: 'f', value: 'file', about: 'a file with the value' },
    ...urlOption,
    ...jsonOption,
  },
  async run({ operands: [name, operand], options, world }) {
    const path = `/s/${toStatePath(name!)}`;
    const client = createHostClient(options, world);
    const body = await toInput({ data: options.data, file: options.file, operand }, world);
    if (body === undefined) throw new UsageError('No value is given: use -d, -f or -');
    const { header } = await client.send({ method: 'PUT', path, body });
    if (options.json) printJson(world.stdout, { written: name, etag: header('ETag') ?? null });
  },
});
