import { isCompiled } from '../../build/options.ts';
import { buildOptions, buildSources } from '../build-sources.ts';
import { defineCommand, jsonOption, UsageError, urlOption, type World } from '../command.ts';
import { createHostClient, type RequestBody, toBody } from '../host-client.ts';
import { toInput } from '../input.ts';
import { toFunctionPath } from '../operands.ts';
import { printJson } from '../output.ts';
import { settingsOptions, toSettingsHeaders } from '../settings.ts';

export const deploy = defineCommand({
  usage:
    '<user>/<name> <file.wasm | file.c | file.cpp> … [--arg <text>] [--env <name>=<value>] [--cwd <path>]',
  about: [
    'Sources are compiled first, as faasm build does. It ends when the function is live.',
    'Its arguments, environment and working directory are those given here, and none of an older version.',
  ].join('\n'),
  operands: [2, Number.POSITIVE_INFINITY],
  passesOn: true,
  options: { ...settingsOptions, ...buildOptions, ...urlOption, ...jsonOption },
  async run({ operands: [name, ...paths], options, passedOn, world }) {
    const path = `/f/${toFunctionPath(name!)}`;
    const headers = toSettingsHeaders(options);
    const client = createHostClient(options, world);
    const body = paths.some(isCompiled)
      ? toBody((await buildSources({ paths, options, extra: passedOn }, world)).wasm)
      : await readModule(paths, world);
    const description = (await client.json({ method: 'PUT', path, headers, body })) as { live: string };
    if (options.json) printJson(world.stdout, description);
    else world.stdout.write(`${name} is live, version ${description.live.slice(0, 12)}\n`);
  },
});

async function readModule([path, ...rest]: readonly string[], world: World): Promise<RequestBody> {
  if (rest.length > 0)
    throw new UsageError('A function is one module, or sources that end in .c, .cc, .cpp or .cxx');
  return (await toInput({ file: path! }, world))!;
}
