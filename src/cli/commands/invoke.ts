import { parseDurationMs } from '../../calls/duration.ts';
import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient, toBody } from '../host-client.ts';
import { toInput } from '../input.ts';
import { asUsage, toFunctionPath } from '../operands.ts';
import { printBytes, printJson, toJsonBytes } from '../output.ts';
import { settingsOptions, toSettingsHeaders } from '../settings.ts';

export const invoke = defineCommand({
  usage: '<user>/<name> [-d <data> | -d @<file> | -] [--env <name>=<value>] [-- <argument> …]',
  about: [
    'Writes exactly the output of the call. With - the input comes from standard input.',
    'With --async it writes the id of the call at once: faasm status tells of it.',
    'What comes after -- are arguments, behind those of the function.',
  ].join('\n'),
  operands: [1, 2],
  passesOn: true,
  options: {
    data: { type: 'text', short: 'd', value: 'data', about: 'the input; @file for that of a file' },
    async: { type: 'switch', about: 'do not wait for the call' },
    timeout: { type: 'text', value: '500ms', about: 'how long the call may take at the most' },
    env: settingsOptions.env,
    ...urlOption,
    ...jsonOption,
  },
  async run({ operands: [name, operand], options, passedOn, world }) {
    const path = toFunctionPath(name!);
    const { timeout } = options;
    if (timeout !== undefined) asUsage(() => parseDurationMs(timeout, '--timeout'));
    const client = createHostClient(options, world);
    const { body, header } = await client.send({
      method: 'POST',
      path: `/${options.async ? 'fa' : 'f'}/${path}`,
      headers: {
        ...(timeout !== undefined && { 'X-Faasm-Timeout': timeout }),
        ...toSettingsHeaders({ arg: passedOn, env: options.env }),
      },
      body: (await toInput({ data: options.data, operand }, world)) ?? toBody(''),
    });
    const id = header('Faasm-Call-Id');
    if (options.async) {
      const { data } = await toJsonBytes(body);
      if (options.json) printJson(world.stdout, { id: data.trim() });
      else world.stdout.write(`${data.trim()}\n`);
    } else if (options.json) printJson(world.stdout, { id, ...(await toJsonBytes(body)) });
    else await printBytes(world.stdout, body);
  },
});
