import { basename } from 'node:path';
import { FaasmError } from '../../../proto/errors.ts';
import { toFilePath } from '../../../proto/file-path.ts';
import { toFunctionName, toUserName } from '../../../proto/names.ts';
import { languageOf, sourceEndings } from '../../build/language.ts';

import { buildOptions, buildSources } from '../build-sources.ts';
import {
  defineCommand,
  type Given,
  jsonOption,
  type Options,
  UsageError,
  urlOption,
  type World,
} from '../command.ts';
import { createHostClient, type HostClient, type RequestBody, toBody } from '../host-client.ts';
import { toInput } from '../input.ts';
import { asUsage, toFunctionPath } from '../operands.ts';
import { printJson } from '../output.ts';
import { runtimeOfScript, toRuntime } from '../runtimes.ts';
import { hostedOptions, settingsOptions, toSettingsHeaders } from '../settings.ts';
import { toFileRoute } from '../shared-files.ts';

const options = {
  ...settingsOptions,
  ...hostedOptions,
  runtime: {
    type: 'text',
    value: 'name',
    about: 'the function of the same user that runs the script: python, php, ruby, or any other',
  },
  ...buildOptions,
  ...urlOption,
  ...jsonOption,
} as const satisfies Options;

interface Upload {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestBody;
  /** Takes back what was put for it, should it be refused. */
  undo?(): Promise<unknown>;
}

export const deploy = defineCommand({
  usage:
    '<user>/<name> <file.wasm | source> … [--arg <text>] [--env <name>=<value>] [--cwd <path>]\n' +
    '       faasm deploy <user>/<name> <script> --runtime <name>',
  about: [
    'Sources are compiled first, as faasm build does. It ends when the function is live.',
    'Its arguments, environment and working directory are those given here, and none of an older version.',
    'A script becomes the shared file functions/<name>/<script>, and its runtime, which is deployed before as a function',
    'of that name, runs it in every call.',
  ].join('\n'),
  operands: [2, Number.POSITIVE_INFINITY],
  passesOn: true,
  options,
  async run({ operands: [name, ...paths], options, passedOn, world }) {
    const path = `/f/${toFunctionPath(name!)}`;
    const client = createHostClient(options, world);
    const { headers, body, undo } =
      options.runtime === undefined
        ? {
            headers: toSettingsHeaders(options),
            body: paths.some(languageOf)
              ? toBody((await buildSources({ paths, options, extra: passedOn }, world)).wasm)
              : await readModule(paths, world),
          }
        : await putScript(client, { name: name!, paths, options, world });
    const description = (await client.json({ method: 'PUT', path, headers, body }).catch(async (thrown) => {
      await undo?.();
      throw thrown;
    })) as { live: string };
    if (options.json) printJson(world.stdout, description);
    else world.stdout.write(`${name} is live, version ${description.live.slice(0, 12)}\n`);
  },
});

async function readModule([path, ...rest]: readonly string[], world: World): Promise<RequestBody> {
  if (rest.length > 0)
    throw new UsageError(`A function is one module, or sources that end in ${sourceEndings}`);
  const runtime = runtimeOfScript(path!);
  if (runtime !== undefined)
    throw new UsageError(`${path} is a script: name the function that runs it, as in --runtime ${runtime}`);
  return (await toInput({ file: path! }, world))!;
}

async function putScript(
  client: HostClient,
  given: {
    readonly name: string;
    readonly paths: readonly string[];
    readonly options: Given<typeof options>;
    readonly world: World;
  },
): Promise<Upload> {
  const { options, world } = given;
  const [script, ...rest] = given.paths;
  if (rest.length > 0)
    throw new UsageError('A function is one script; what it needs besides is put with faasm file put');
  const [user, name] = given.name.split('/') as [string, string];
  const runtime = asUsage(() => toFunctionName(options.runtime!));
  const path = asUsage(() => toFilePath(`functions/${name}/${basename(script!)}`));
  const { args, env, cgi } = toRuntime(runtime).start(`/${path}`);
  const headers = toSettingsHeaders({
    ...options,
    arg: [...args, ...(options.arg ?? [])],
    env: [...Object.entries(env).map(([key, value]) => `${key}=${value}`), ...(options.env ?? [])],
    cgi: options.cgi ?? cgi,
  });
  await client.json({ method: 'GET', path: `/f/${user}/${runtime}` }).catch((thrown: unknown) => {
    const { code } = FaasmError.from(thrown);
    if (code !== 'not_found') throw thrown;
    throw new FaasmError(
      code,
      `There is no runtime ${user}/${runtime}; deploy its module under that name first`,
      { cause: thrown },
    );
  });
  const file = toFileRoute(toUserName(user), path);
  const put = async (conditions: Record<string, string>): Promise<unknown> =>
    client.send({
      method: 'PUT',
      path: file,
      body: (await toInput({ file: script! }, world))!,
      headers: conditions,
    });
  const isNew = await put({ 'If-None-Match': '*' }).then(
    () => true,
    (thrown) => {
      if (FaasmError.from(thrown).code === 'precondition_failed') return false;
      throw thrown;
    },
  );
  if (!isNew) await put({});
  return {
    headers: { ...headers, 'X-Faasm-Runtime': runtime },
    body: toBody(''),
    ...(isNew && { undo: () => client.send({ method: 'DELETE', path: file }) }),
  };
}
