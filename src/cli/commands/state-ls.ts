import { defineCommand, jsonOption, urlOption } from '../command.ts';
import { createHostClient } from '../host-client.ts';
import { toUserPath } from '../operands.ts';
import { printJson, toTable } from '../output.ts';

interface ListedValue {
  /** Nothing where its bytes are not UTF-8. */
  readonly key: string | null;
  readonly path: string;
  readonly sizeBytes: number;
  readonly version: number;
}

export const stateLs = defineCommand({
  usage: '<user>',
  about: 'A key that is not printable is shown escaped, as in its URL.',
  operands: [1, 1],
  options: { ...urlOption, ...jsonOption },
  async run({ operands, options, world }) {
    const path = `/s/${toUserPath(operands[0]!)}`;
    const list = (await createHostClient(options, world).json({ method: 'GET', path })) as ListedValue[];
    if (options.json) printJson(world.stdout, list);
    else world.stdout.write(toTable(['KEY', 'BYTES', 'VERSION'], list.map(toRow)));
  },
});

function toRow({ key, path, sizeBytes, version }: ListedValue): string[] {
  const printable = key !== null && /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(key);
  return [printable ? key : path.split('/').at(-1)!, String(sizeBytes), String(version)];
}
