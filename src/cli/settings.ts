/** What a program is started with, as the command line gives it. */
import {
  type FunctionSettings,
  readExitCodes,
  toFunctionSettings,
  toVariable,
} from '../../proto/function-settings.ts';
import { toHeaderJson } from '../bus/settings-headers.ts';
import type { Given, Options } from './command.ts';
import { asUsage } from './operands.ts';

export const settingsOptions = {
  argv0: {
    type: 'text',
    value: 'name',
    about: 'the name that it is told as its own; else that of the function',
  },
  arg: { type: 'text', value: 'text', multiple: true, about: 'an argument; --arg=-x for one with a dash' },
  env: { type: 'text', value: 'name=value', multiple: true, about: 'an environment variable' },
  cwd: { type: 'text', value: 'path', about: 'where relative paths begin; else /' },
} as const satisfies Options;

/** Options that only a function of a host has. */
export const hostedOptions = {
  cgi: {
    type: 'switch',
    about: 'a CGI program: the input is its request, the body of its response the output',
  },
  'boot-once': {
    type: 'switch',
    about: 'run it now until it reads its input; each call goes on from there',
  },
  'state-access': {
    type: 'text',
    value: 'how',
    about: 'synchronous or asynchronous, where a call of the API does not say',
  },
  cors: {
    type: 'text',
    value: 'origin',
    multiple: true,
    about: 'an origin whose web pages may call it, as https://app.example; * for all',
  },
  'exit-codes': {
    type: 'text',
    value: '0,1',
    about: 'exit codes that are answers and no failures, as 1 of grep',
  },
} as const satisfies Options;

type Known = typeof settingsOptions & typeof hostedOptions;
type GivenSettings = { readonly [Name in keyof Known]?: Given<Known>[Name] | undefined };

/** @throws UsageError */
export function toSettings({
  argv0,
  arg = [],
  env = [],
  cwd,
  cgi,
  'boot-once': bootOnce,
  'state-access': stateAccess,
  'exit-codes': exitCodes,
  cors,
}: GivenSettings): FunctionSettings {
  return asUsage(() =>
    toFunctionSettings({
      ...(argv0 !== undefined && { argv0 }),
      args: arg,
      env: Object.fromEntries(env.map(toVariable)),
      ...(cwd !== undefined && { cwd }),
      ...(cgi !== undefined && { cgi }),
      ...(bootOnce !== undefined && { bootOnce }),
      ...(stateAccess !== undefined && { stateAccess }),
      ...(exitCodes !== undefined && { exitCodes: readExitCodes(exitCodes) }),
      ...(cors !== undefined && { cors }),
    }),
  );
}

/** None where nothing is given. @throws UsageError */
export function toSettingsHeaders(given: GivenSettings): Record<string, string> {
  const { argv0, args, env, cwd, cgi, bootOnce, stateAccess, exitCodes, cors } = toSettings(given);
  const settings = {
    ...(argv0 !== undefined && { argv0 }),
    ...(args.length > 0 && { args }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(given.cwd !== undefined && { cwd }),
    ...(cgi !== undefined && { cgi }),
    ...(bootOnce !== undefined && { bootOnce }),
    ...(stateAccess !== undefined && { stateAccess }),
    ...(exitCodes !== undefined && { exitCodes }),
    ...(cors !== undefined && { cors }),
  };
  return Object.keys(settings).length === 0 ? {} : { 'X-Faasm-Settings': toHeaderJson(settings) };
}
