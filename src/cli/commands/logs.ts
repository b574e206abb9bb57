import { createInterface } from 'node:readline';
import type { CallEvent } from '../../../proto/messages.ts';
import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { toFunctionPath, toUserPath } from '../operands.ts';
import { toTime } from '../output.ts';
import { toPrintable } from '../report.ts';

type Line = CallEvent | { readonly leftOut: number };

export const logs = defineCommand({
  usage: '<user>[/<name>]',
  about: 'It goes on until it is interrupted, or the host stops. With --json each call is a line of JSON.',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands, options, world }) {
    const name = operands[0]!;
    const path = `/logs/${name.includes('/') ? toFunctionPath(name) : toUserPath(name)}`;
    const { body } = await createHostClient(options, world).send({ method: 'GET', path });
    for await (const line of createInterface({ input: body })) {
      world.stdout.write(options.json ? `${line}\n` : toText(JSON.parse(line) as Line));
    }
  },
});

function toText(line: Line): string {
  if ('leftOut' in line) return `${line.leftOut} calls were left out: they came faster than they were read\n`;
  const { id, user, function: name, endedAtMs, durationMs, outputBytes, error, stderr } = line;
  const end = error === null ? `${outputBytes} bytes` : `${error.code}: ${error.message}`;
  const head = `${toTime(endedAtMs)}  ${user}/${name}  ${id}  ${Math.round(durationMs)} ms  ${end}\n`;
  const lines = stderr === null ? [] : stderr.trimEnd().split('\n');
  return toPrintable(`${head}${lines.map((line) => `    ${line}\n`).join('')}`);
}
