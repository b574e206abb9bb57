/**
 * A host inside a program of one's own, as in a test: `import { startHost } from 'faasm'`.
 *
 * In:   settings, functions and calls of the program
 * Out:  their answers; a log on standard error
 * Owns: the folder of data, where the program names none
 * Never: reads the environment, takes a signal, or ends the process
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaasmError } from '../proto/errors.ts';
import type { FunctionSettings } from '../proto/function-settings.ts';
import type { FunctionDescription } from '../proto/messages.ts';
import { quote, toFunctionName, toUserName } from '../proto/names.ts';
import type { InvokeOptions } from '../src/calls/invoke.ts';
import { toHttpUrls, toNatsUrl } from '../src/cli/banner.ts';
import { type Config, loadConfig } from '../src/config/config.ts';
import { flagOf, type SettingName, settingNames } from '../src/config/settings.ts';
import type { Host as WholeHost } from '../src/host/port.ts';
import { didYouMean } from '../src/nearest.ts';

export { type ErrorCode, FaasmError } from '../proto/errors.ts';
export type { FunctionDescription, FunctionSettings, InvokeOptions };

/** `FAASM_HTTP_PORT` is `httpPort`. */
type NameInProgram<Name extends string> = Name extends `FAASM_${infer Rest}` ? ToCamel<Rest> : ToCamel<Name>;
type ToCamel<Name extends string> = Name extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}${Capitalize<ToCamel<Rest>>}`
  : Lowercase<Name>;

/**
 * Those of `faasm start`, as in its flags. Other than there, ports are any free ones, and the log tells of what is wrong
 * alone.
 */
export type Settings = {
  readonly [Name in SettingName as NameInProgram<Name>]?: string | number;
};

export interface Host extends AsyncDisposable {
  readonly id: string;
  /** Where it serves HTTP, as in `http://localhost:38291`. */
  readonly url: string;
  /** Where NATS clients reach it. */
  readonly natsUrl: string;
  /** Resolves once the function is live. @throws FaasmError */
  upload(
    user: string,
    name: string,
    module: Uint8Array,
    settings?: Partial<FunctionSettings>,
  ): Promise<FunctionDescription>;
  /** @returns the output @throws FaasmError as the call failed */
  invoke(user: string, name: string, input?: string | Uint8Array, options?: InvokeOptions): Promise<Buffer>;
  /** Takes nothing new, finishes what runs, saves what is to be saved. */
  stop(): Promise<void>;
}

/**
 * @param given where it names no `data`, the host keeps things in a folder that goes when it stops
 * @throws FaasmError for a wrong setting, or a port in use; an Error on a Node that cannot run a host
 */
export async function startHost(given: Settings = {}): Promise<Host> {
  if (!('Suspending' in WebAssembly)) {
    throw new Error(
      `A Faasm host needs Node 26 or later, where a WebAssembly call can wait, and this is Node ${process.versions.node}`,
    );
  }
  if (typeof given !== 'object' || given === null)
    throw new FaasmError(
      'bad_request',
      `startHost() takes an object of settings, not ${quote(String(given))}`,
    );
  const flags = toFlags({ httpPort: 0, uploadPort: 0, natsPort: 0, logLevel: 'warn', ...given });
  const folder = given.data === undefined ? await mkdtemp(join(tmpdir(), 'faasm-')) : undefined;
  const removeFolder = async (): Promise<void> => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  };
  try {
    const config = loadConfig({ flags: folder === undefined ? flags : { ...flags, data: folder } });
    await import('./v8-flags.ts');
    const [{ startHost }, { nodeHostPowers }, { createLog }] = await Promise.all([
      import('./start.ts'),
      import('./node-powers.ts'),
      import('../src/log.ts'),
    ]);
    const host = await startHost(config, {
      powers: nodeHostPowers,
      log: createLog({ level: config.logLevel }),
    });
    return toHost(host, config, removeFolder);
  } catch (thrown) {
    await removeFolder();
    throw thrown;
  }
}

/** @throws FaasmError `bad_request` */
function toFlags(given: Settings): Record<string, string> {
  const known = settingNames.map(flagOf);
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      if (!known.includes(flag)) {
        const names = known.map((flag) =>
          flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
        );
        throw new FaasmError('bad_request', `There is no setting ${quote(name)}${didYouMean(name, names)}`);
      }
      return value === undefined ? [] : [[flag, String(value)]];
    }),
  );
}

function toHost(host: WholeHost, config: Config, whenStopped: () => Promise<void>): Host {
  const { listen } = config.http;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= host.stop().finally(whenStopped));
  return {
    id: host.id,
    url: toHttpUrls({ listen, httpPorts: host.httpPorts })[0]!,
    natsUrl: toNatsUrl({ listen, natsPort: host.natsPort, natsUrl: config.nats?.url.join(',') ?? '' }),
    upload: (user, name, module, settings) =>
      host.upload(toUserName(user), toFunctionName(name), new Uint8Array(module), settings),
    async invoke(user, name, input = '', options) {
      const bytes = typeof input === 'string' ? Buffer.from(input) : input;
      const output = await host.invoke(toUserName(user), toFunctionName(name), alone(bytes), options);
      return Buffer.from(output);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A copy that the program cannot change, and that executors read where it is. */
function alone(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
