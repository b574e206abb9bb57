/**
 * Function settings, and what a call adds to them, as headers: each argument and each variable in a header of its own,
 * or all of it as JSON in one, for what a header cannot carry as it is (a line break, a space at an end).
 */

import { FaasmError } from '../../proto/errors.ts';
import {
  type CallArguments,
  type FunctionSettings,
  toCallArguments,
  toFunctionSettings,
  toVariable,
} from '../../proto/function-settings.ts';
import { settingsHeaders as names } from '../../proto/headers.ts';
import { quote } from '../../proto/names.ts';
import type { Headers } from './port.ts';

/** @throws FaasmError `bad_request` */
export function readFunctionSettings(headers: Headers = {}): FunctionSettings {
  const { args, env, ...rest } = readAll(headers);
  const cwd = headers[names.cwd]?.[0];
  return toFunctionSettings({ ...rest, args, env, ...(cwd !== undefined && { cwd }) });
}

/** Nothing where a call has none of these headers, as most have. @throws FaasmError `bad_request` */
export function readCallArguments(headers: Headers = {}): CallArguments | undefined {
  const hasNone =
    headers[names.arg] === undefined &&
    headers[names.env] === undefined &&
    headers[names.settings] === undefined;
  return hasNone ? undefined : toCallArguments(readAll(headers));
}

/** Of settings, or of what a call is given. */
export function toSettingsHeaders(settings: Partial<FunctionSettings>): Headers {
  return { [names.settings]: [toHeaderJson(settings)] };
}

/** JSON in ASCII, so that every protocol's headers carry it. */
export function toHeaderJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function readAll(headers: Headers): Record<string, unknown> {
  const text = headers[names.settings]?.[0];
  const { args = [], env = {}, ...rest } = text === undefined ? {} : parse(text);
  const moreArgs = headers[names.arg] ?? [];
  const moreEnv = Object.fromEntries((headers[names.env] ?? []).map(toVariable));
  return {
    ...rest,
    args: Array.isArray(args) ? [...args, ...moreArgs] : args,
    env: isObject(env) ? { ...env, ...moreEnv } : env,
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // What it is instead is said below.
  }
  throw new FaasmError('bad_request', `${names.settings} is a JSON object, not ${quote(text)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
