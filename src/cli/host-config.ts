/** The settings of a host, from the command line, the environment and a file. */
import { readFileSync, statSync } from 'node:fs';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { type Config, flagOf, type SettingName, settings, toConfig } from '../config.ts';
import { type Given, jsonOption, type Option, type Options, UsageError, type World } from './command.ts';

const fileMaxBytes = 1024 * 1024;
const logLevels = ['debug', 'info', 'warn', 'error', 'silent'];

export const hostOptions: Options = {
  ...Object.fromEntries(
    (Object.keys(settings) as SettingName[]).map((name) => [flagOf(name), toOption(name)]),
  ),
  config: { type: 'text', value: 'file', about: 'JSON with settings, as in {"http_port": 8001}' },
  json: { ...jsonOption.json, about: 'for machines: JSON in place of lines for people' },
};

/** @throws UsageError that names the setting */
export function toHostConfig(options: Given<Options>, { environment }: World): Config {
  const { config: path, json: _, ...flags } = options;
  try {
    const config = toConfig({
      flags: flags as Record<string, string>,
      environment,
      file: path === undefined ? {} : readConfigFile(String(path)),
      readSecret: (secret) => readText(secret, 'secret'),
    });
    if (logLevels.includes(config.FAASM_LOG_LEVEL)) return config;
    throw new UsageError(
      `FAASM_LOG_LEVEL (--log-level) is one of ${logLevels.join(', ')}, not ${quote(config.FAASM_LOG_LEVEL)}`,
    );
  } catch (thrown) {
    if (thrown instanceof FaasmError) throw new UsageError(thrown.message, { cause: thrown });
    throw thrown;
  }
}

function toOption(name: SettingName): Option {
  const { default: byDefault, about } = settings[name];
  const origin = byDefault === '' ? name : `${name}, ${byDefault}`;
  return { type: 'text', value: 'type' in settings[name] ? 'n' : 'text', about: `${about} [${origin}]` };
}

function readConfigFile(path: string): Record<string, unknown> {
  const text = readText(path, 'configuration');
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (cause) {
    throw new UsageError(`The configuration file ${quote(path)} is not JSON: ${(cause as Error).message}`);
  }
  throw new UsageError(`The configuration file ${quote(path)} is not a JSON object`);
}

function readText(path: string, what: string): string {
  try {
    if (statSync(path).size > fileMaxBytes) throw new Error(`it has more than ${fileMaxBytes} bytes`);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`Cannot read the ${what} file ${quote(path)}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
