/** The settings of a host, from the command line, the environment and a file. */
import { availableParallelism } from 'node:os';
import { FaasmError } from '../../proto/errors.ts';
import { type Config, toConfig } from '../config/config.ts';
import { type ReadSettings, readSettings } from '../config/read.ts';
import { flagOf, type SettingName, settingNames, settings } from '../config/settings.ts';
import { type Given, jsonOption, type Option, type Options, UsageError, type World } from './command.ts';

export const settingOptions: Options = {
  ...Object.fromEntries(settingNames.map((name) => [flagOf(name), toOption(name)])),
  config: { type: 'text', value: 'file', about: 'JSON with settings, as in {"http_port": 8001}' },
};

export const hostOptions: Options = {
  ...settingOptions,
  json: { ...jsonOption.json, about: 'for machines: JSON in place of lines for people' },
};

export interface HostConfig {
  readonly config: Config;
  /** What to say of the settings, a sentence each. */
  readonly notes: readonly string[];
}

/** @throws UsageError that names each setting that is wrong */
export function toHostConfig(options: Given<Options>, world: World): HostConfig {
  const { settings: found, misspelt } = readHostSettings(options, world);
  return { config: toConfig(found, { cores: availableParallelism() }), notes: misspelt };
}

/** @throws UsageError that names each setting that is wrong */
export function readHostSettings(options: Given<Options>, { environment }: World): ReadSettings {
  const { config: file, json: _, ...flags } = options as Record<string, string | undefined>;
  try {
    return readSettings({ flags, environment, file });
  } catch (thrown) {
    if (thrown instanceof FaasmError) throw new UsageError(thrown.message, { cause: thrown });
    throw thrown;
  }
}

function toOption(name: SettingName): Option {
  const { default: byDefault, about, kind } = settings[name];
  const origin = byDefault === '' ? name : `${name}, ${byDefault}`;
  const zero = kind.zero === undefined ? '' : `; 0: ${kind.zero}`;
  return { type: 'text', value: kind.operand, about: `${about}${zero} [${origin}]` };
}
