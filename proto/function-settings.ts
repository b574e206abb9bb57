/**
 * What a program is started with: the settings that are kept with each version of a function, and what a call adds to
 * them. Whatever comes from outside, in a header, in a message or in a file, is checked here.
 */
import { FaasmError } from './errors.ts';
import { quote } from './names.ts';

export interface FunctionSettings {
  /** The name that it is told as its own, before its arguments; else the function's. */
  readonly argv0?: string;
  /** Behind its own name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where relative paths begin, as in `/data`; `/` is the root of its file system. */
  readonly cwd: string;
  /** A CGI program: its input is a request, its output a response. */
  readonly cgi?: true;
  /** It runs at upload until it first reads its input, and each call goes on from there. */
  readonly bootOnce?: true;
  /** Of state, where a call of the API does not say; else as the host is set. */
  readonly stateAccess?: StateAccess;
  /** Origins whose web pages may call it, as in `https://app.example`; `*` for all. */
  readonly cors?: readonly string[];
  /** Return values and exit codes that are answers too, as those of `grep` and `diff`; ascending. 0 always is one. */
  readonly exitCodes?: readonly number[];
}

/**
 * `synchronous`: a read sees the newest value of all hosts, a write is kept by the global tier before the guest goes
 * on. `asynchronous`: both are of this host's memory; what was written goes to the global tier soon.
 */
export type StateAccess = 'synchronous' | 'asynchronous';

/** Of one call: its arguments come behind the function's; its variables are those that the function does not set. */
export type CallArguments = Pick<FunctionSettings, 'args' | 'env'>;

export const noSettings: FunctionSettings = { args: [], env: {}, cwd: '/' };

/** Arguments, and variables, at most; interpreters with options take a few dozen. */
const countMax = 256;
/** Of all arguments and variables in UTF-8, each with the NUL behind it: half of what a call's metadata may have. */
const textMaxBytes = 32 * 1024;
const variableNameMaxLength = 256;
const cwdMaxBytes = 1024;
const settingNames = ['argv0', 'args', 'env', 'cwd', 'cgi', 'bootOnce', 'stateAccess', 'exitCodes', 'cors'];
/** As file systems have it. */
const pathNameMaxBytes = 255;
const argv0MaxBytes = 4096;
/** A program has some few that are answers. */
const exitCodesMax = 64;
const originsMax = 64;
/** `*`, or a scheme, a host and maybe a port (RFC 6454). */
const originPattern = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?)$/;

/** @param value as JSON or msgpack gives it; what is absent is as in `noSettings` @throws FaasmError `bad_request` */
export function toFunctionSettings(value: unknown): FunctionSettings {
  const record = toRecord(value, 'Settings have', settingNames);
  const { argv0, cwd = noSettings.cwd, cgi, bootOnce, stateAccess, exitCodes, cors, ...rest } = record;
  const isCgi = toSwitch('cgi', cgi);
  const bootsOnce = toSwitch('bootOnce', bootOnce);
  return {
    ...(argv0 !== undefined && { argv0: toArgv0(argv0) }),
    ...toCallArguments(rest),
    cwd: toCwd(cwd),
    ...(isCgi && { cgi: true }),
    ...(bootsOnce && { bootOnce: true }),
    ...(stateAccess !== undefined && { stateAccess: toStateAccess(stateAccess) }),
    ...(exitCodes !== undefined && { exitCodes: toExitCodes(exitCodes) }),
    ...(cors !== undefined && { cors: toOrigins(cors) }),
  };
}

/** @throws FaasmError `bad_request` */
export function toStateAccess(value: unknown): StateAccess {
  if (value === 'synchronous' || value === 'asynchronous') return value;
  throw bad(`Access to state is synchronous or asynchronous, not ${quote(String(value))}`);
}

/** Those of a runtime with those of a function that runs in it. @throws FaasmError `bad_request` when it is too much */
export function addSettings(base: FunctionSettings, more: FunctionSettings): FunctionSettings {
  const argv0 = more.argv0 ?? base.argv0;
  const exitCodes = more.exitCodes ?? base.exitCodes;
  const cors = more.cors ?? base.cors;
  return toFunctionSettings({
    ...(argv0 !== undefined && { argv0 }),
    args: [...base.args, ...more.args],
    env: { ...base.env, ...more.env },
    cwd: more.cwd === noSettings.cwd ? base.cwd : more.cwd,
    cgi: base.cgi ?? more.cgi ?? false,
    bootOnce: more.bootOnce ?? false,
    stateAccess: more.stateAccess ?? base.stateAccess,
    ...(exitCodes !== undefined && { exitCodes }),
    ...(cors !== undefined && { cors }),
  });
}

/** @throws FaasmError `bad_request` */
export function toOrigins(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length > originsMax) {
    throw bad(`The setting cors is a list of at most ${originsMax} origins`);
  }
  const wrong = value.find((origin) => typeof origin !== 'string' || !originPattern.test(origin));
  if (wrong === undefined) return value as string[];
  throw bad(
    `An origin is * or as https://app.example, in lower case and without a path, not ${quote(String(wrong))}`,
  );
}

function toSwitch(name: string, value: unknown = false): boolean {
  if (typeof value === 'boolean') return value;
  throw bad(`The setting ${name} is true or false`);
}

/** @throws FaasmError `bad_request` */
export function toCallArguments(value: unknown): CallArguments {
  const { args = [], env = {} } = toRecord(value, 'A call is given', ['args', 'env']);
  if (!Array.isArray(args)) throw bad('Arguments are a list of texts');
  for (const arg of args) checkText(arg, 'An argument');
  const variables = toRecord(env, 'Environment', undefined);
  for (const [name, text] of Object.entries(variables)) {
    if (name === '' || name.length > variableNameMaxLength || /[=\0]/.test(name)) {
      throw bad(
        `Bad name of an environment variable ${quote(name)}: it has 1 to ${variableNameMaxLength} characters and no =`,
      );
    }
    checkText(name, 'The name of an environment variable');
    checkText(text, `The environment variable ${quote(name)}`);
  }
  const checked = { args: args as string[], env: variables as Record<string, string> };
  checkSize(checked);
  return checked;
}

/** `0,1`, as people write it. @throws FaasmError `bad_request` */
export function readExitCodes(text: string): number[] {
  return toExitCodes(text.split(',').map((code) => (code.trim() === '' ? Number.NaN : Number(code))));
}

/** `NAME=value`, as people write it. @throws FaasmError `bad_request` */
export function toVariable(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw bad(`An environment variable is given as NAME=value, not ${quote(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function checkSize({ args, env }: CallArguments): void {
  const variables = Object.entries(env);
  const count = Math.max(args.length, variables.length);
  if (count > countMax) {
    throw bad(
      `A program has at most ${countMax} arguments and ${countMax} environment variables, not ${count}`,
    );
  }
  let byteLength = 0;
  for (const arg of args) byteLength += Buffer.byteLength(arg) + 1;
  for (const [name, value] of variables) byteLength += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
  if (byteLength > textMaxBytes) {
    throw bad(
      `Arguments and environment have at most ${textMaxBytes} bytes, these ${byteLength}: pass larger data as input`,
    );
  }
}

function toArgv0(argv0: unknown): string {
  checkText(argv0, 'The name of a program');
  if (argv0 !== '' && Buffer.byteLength(argv0) <= argv0MaxBytes) return argv0;
  throw bad(`The name of a program has 1 to ${argv0MaxBytes} bytes, unlike ${quote(argv0)}`);
}

function toExitCodes(value: unknown): number[] {
  const isCodes = Array.isArray(value) && value.length > 0 && value.every((code) => code === (code | 0));
  if (!isCodes) throw bad('Exit codes that are answers are a list of whole numbers of 32 bits, such as 0,1');
  const codes = [...new Set(value as number[])].sort((left, right) => left - right);
  if (codes.length <= exitCodesMax) return codes;
  throw bad(`At most ${exitCodesMax} exit codes are answers, not ${codes.length}`);
}

function toCwd(cwd: unknown): string {
  checkText(cwd, 'A working directory');
  const path = cwd.length > 1 && cwd.endsWith('/') ? cwd.slice(0, -1) : cwd;
  const names = path === '/' ? [] : path.split('/').slice(1);
  const isPlain = names.every((name) => name !== '' && name !== '.' && name !== '..');
  if (!path.startsWith('/') || !isPlain || Buffer.byteLength(path) > cwdMaxBytes) {
    throw bad(
      `Bad working directory ${quote(cwd)}: it is absolute, such as /data, without . and .., of at most ${cwdMaxBytes} bytes`,
    );
  }
  const long = names.find((name) => Buffer.byteLength(name) > pathNameMaxBytes);
  if (long !== undefined)
    throw bad(`A name in a path has at most ${pathNameMaxBytes} bytes, unlike ${quote(long)}`);
  return path;
}

function checkText(value: unknown, what: string): asserts value is string {
  if (typeof value !== 'string') throw bad(`${what} is a text`);
  if (value.includes('\0') || !value.isWellFormed())
    throw bad(`${what} is Unicode text without NUL: ${quote(value)}`);
}

/** @param names that it may have; any where none are given */
function toRecord(
  value: unknown,
  what: string,
  names: readonly string[] | undefined,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(names === undefined ? `${what} is an object of texts` : `${what} ${names.join(', ')}`);
  }
  const unknown = names && Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw bad(`${what} ${names!.join(', ')}, and no ${quote(unknown)}`);
  return value as Record<string, unknown>;
}

function bad(message: string): FaasmError {
  return new FaasmError('bad_request', message);
}
