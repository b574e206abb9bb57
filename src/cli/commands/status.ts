import type { CallStatus } from '../../../proto/messages.ts';
import { toCallId } from '../../../proto/names.ts';
import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { asUsage } from '../operands.ts';
import { printBytes, printJson, toJsonBytes, toTime } from '../output.ts';

export const status = defineCommand({
  usage: '<call id>',
  about: 'The id is what faasm invoke --async gives.',
  operands: [1, 1],
  options: {
    output: { type: 'switch', about: 'write the output of the call in place of its status' },
    ...urlOption,
    ...jsonOption,
  },
  async run({ operands, options, world }) {
    const path = `/calls/${asUsage(() => toCallId(operands[0]!))}`;
    const client = createHostClient(options, world);
    if (options.output) {
      const { body } = await client.send({ method: 'GET', path: `${path}/output` });
      if (options.json) printJson(world.stdout, await toJsonBytes(body));
      else await printBytes(world.stdout, body);
      return;
    }
    const call = (await client.json({ method: 'GET', path })) as CallStatus;
    if (options.json) printJson(world.stdout, call);
    else world.stdout.write(toText(call));
  },
});

function toText(call: CallStatus): string {
  const rows: [string, string | null][] = [
    ['call', call.id],
    ['function', `${call.user}/${call.function}`],
    ['state', call.state],
    ['attempts', String(call.attempts)],
    ['created', toTime(call.createdAtMs)],
    ['started', call.startedAtMs === null ? null : toTime(call.startedAtMs)],
    ['ended', call.endedAtMs === null ? null : toTime(call.endedAtMs)],
    ['return value', call.returnValue === null ? null : String(call.returnValue)],
    ['error', call.error === null ? null : `${call.error.message} (${call.error.code})`],
  ];
  return rows
    .filter(([, value]) => value !== null)
    .map(([title, value]) => `${title.padEnd(13)} ${value}\n`)
    .join('');
}
