/** What settings were given and where each came from. All that is wrong is told at once, before anything is opened. */
import { readFileSync, statSync } from 'node:fs';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { didYouMean, nearest } from '../nearest.ts';
import { Refusal } from './kinds.ts';
import { unmetNeeds } from './needs.ts';
import type { Setting } from './setting.ts';
import { flagOf, keyOf, type SettingName, type Settings, settingNames, settings } from './settings.ts';

/** Where settings may come from; the earlier counts. */
export interface ConfigSources {
  /** By flag name without dashes in front, as in `http-port`. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The path of a file with a JSON object, which has names as in `http_port`. */
  readonly file?: string | undefined;
  /** Reads that file, and those that `…_FILE` variables name. @default from the disk */
  readFile?(path: string): string;
}

export type Origin = 'flag' | 'environment' | 'secret file' | 'file' | 'default';

export interface ReadSettings {
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingName, Origin>>;
  /** What the environment has that looks like a setting misspelt, a sentence for each. */
  readonly misspelt: readonly string[];
}

interface Given {
  readonly text: string;
  readonly origin: Origin;
}

/** @throws FaasmError `bad_request` that names each setting that is wrong, why, and what it has to be */
export function readSettings(sources: ConfigSources): ReadSettings {
  const { environment = {}, file, readFile = readSmallFile } = sources;
  const problems: string[] = [];
  const wrong = new Set<SettingName>();
  const attempt = <Result>(work: () => Result, name?: SettingName): Result | undefined => {
    try {
      return work();
    } catch (thrown) {
      problems.push((thrown as Error).message);
      if (name !== undefined) wrong.add(name);
      return undefined;
    }
  };
  const fromFile = (file !== undefined && attempt(() => readConfigFile(file, readFile))) || {};
  problems.push(...unknownIn(fromFile));
  const read = settingNames.map((name) => {
    const given = attempt(() => find(name, sources, fromFile, readFile), name) ?? byDefault(name);
    const value = attempt(() => toValue(name, given.text), name) ?? toValue(name, byDefault(name).text);
    return { name, value, origin: given.origin };
  });
  const found = Object.fromEntries(read.map(({ name, value }) => [name, value])) as unknown as Settings;
  problems.push(...unmetNeeds(found, wrong));
  if (problems.length > 0) throw new FaasmError('bad_request', toComplaint(problems));
  return {
    settings: found,
    origins: Object.fromEntries(read.map(({ name, origin }) => [name, origin])) as ReadSettings['origins'],
    misspelt: misspeltIn(environment),
  };
}

function find(
  name: SettingName,
  { flags = {}, environment = {} }: ConfigSources,
  fromFile: Readonly<Record<string, unknown>>,
  readFile: (path: string) => string,
): Given | undefined {
  const flag = flags[flagOf(name)];
  if (flag !== undefined) return { text: flag, origin: 'flag' };
  const variable = environment[name];
  if (variable !== undefined) return { text: variable, origin: 'environment' };
  const path = settings[name].secret === true ? environment[`${name}_FILE`] : undefined;
  if (path !== undefined) return { text: readNamed(path, 'secret', readFile).trim(), origin: 'secret file' };
  const value = fromFile[keyOf(name)];
  return value === undefined ? undefined : { text: toText(value), origin: 'file' };
}

const byDefault = (name: SettingName): Given => ({ text: settings[name].default, origin: 'default' });

function toValue(name: SettingName, text: string): unknown {
  const { kind, secret }: Setting = settings[name];
  try {
    return kind.read(text);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const unlike = secret === true ? '' : `, not ${quote(text)}`;
    const why = thrown.message === '' ? '' : `: ${thrown.message}`;
    throw new Error(`${name} (--${flagOf(name)}) is ${kind.wanted}${unlike}${why}`);
  }
}

/** As it would be given in the environment. */
function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  const isTexts = Array.isArray(value) && value.every((part) => typeof part === 'string');
  return isTexts ? value.join(',') : JSON.stringify(value);
}

function readConfigFile(path: string, readFile: (path: string) => string): Record<string, unknown> {
  const text = readNamed(path, 'configuration', readFile);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`The configuration file ${quote(path)} is not JSON: ${(cause as Error).message}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error(`The configuration file ${quote(path)} is not a JSON object, as in {"http_port": 8001}`);
}

function unknownIn(fromFile: Readonly<Record<string, unknown>>): string[] {
  const known = settingNames.map(keyOf);
  return Object.keys(fromFile)
    .filter((key) => !known.includes(key))
    .map((key) => `The configuration file has an unknown setting ${quote(key)}${didYouMean(key, known)}`);
}

/** Others may have variables that begin so, as an orchestrator for a service of that name: only what is near is told. */
function misspeltIn(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known: string[] = settingNames.flatMap((name) =>
    settings[name].secret === true ? [name, `${name}_FILE`] : [name],
  );
  return Object.keys(environment)
    .filter((name) => name.startsWith('FAASM_') && name !== 'FAASM_URL' && !known.includes(name))
    .filter((name) => nearest(name, known) !== undefined)
    .map((name) => `${quote(name)} in the environment is no setting${didYouMean(name, known)}`);
}

function toComplaint(problems: readonly string[]): string {
  if (problems.length === 1) return problems[0]!;
  return `${problems.length} settings are wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
}

function readNamed(path: string, what: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (cause) {
    throw new Error(`Cannot read the ${what} file ${quote(path)}: ${(cause as Error).message}`);
  }
}

const fileMaxBytes = 1024 * 1024;

function readSmallFile(path: string): string {
  if (statSync(path).size > fileMaxBytes) throw new Error(`it has more than ${fileMaxBytes} bytes`);
  return readFileSync(path, 'utf8');
}
