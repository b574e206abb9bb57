/** What a guest finds when its call begins: its arguments and environment, its files, its streams. */
import { FaasmError } from '../../proto/errors.ts';
import { type CallArguments, type FunctionSettings, noSettings } from '../../proto/function-settings.ts';
import type { CallContext, CallSettings } from '../guest/call-context.ts';
import type { SharedFiles, UserFiles } from '../guest/files/shared-files.ts';
import type { GuestMemory } from '../guest/guest-memory.ts';
import type { Preopen } from '../guest/wasi/descriptors.ts';
import { type FileTree, mayBeDirectory } from '../guest/wasi/file-tree.ts';
import { toPreopens } from '../guest/wasi/preopens.ts';
import type { FileLimits } from '../guest/wasi/tree.ts';
import { createWasi, type Wasi, type WasiCall, type WasiPowers } from '../guest/wasi/wasi.ts';
import type { Program } from './program.ts';

export interface SurroundingsPowers {
  readonly wasi: WasiPowers;
  readonly files: SharedFiles;
  readonly fileLimits: FileLimits;
  /** @default the root and the working directory */
  readonly preopens?: readonly Preopen[];
}

export class Surroundings {
  readonly #powers: SurroundingsPowers;
  readonly #settings: FunctionSettings;
  readonly #own: CallArguments;
  readonly #streams: Pick<WasiCall, 'stdout' | 'stderr'>;
  readonly #files: UserFiles;
  #shown: FileTree;

  /** @throws FaasmError `conflict` when the working directory is no directory */
  constructor({ user, function: name, settings }: Program, powers: SurroundingsPowers, call: CallContext) {
    this.#powers = powers;
    this.#settings = settings;
    this.#own = { args: [settings.argv0 ?? name, ...settings.args], env: toOwnEnvironment(settings) };
    this.#streams = {
      stdout: (bytes) => call.output.writeStdout(bytes),
      stderr: (bytes) => call.output.writeStderr(bytes),
    };
    this.#files = powers.files.of(user);
    this.#shown = this.#files.now();
  }

  createWasi(memory: GuestMemory): Wasi {
    const { wasi, fileLimits: limits } = this.#powers;
    return createWasi(memory, wasi, { files: this.#shown, limits, preopens: this.#preopens() });
  }

  /** Has the files shown as they are now. @returns all else that the guest is to find */
  begin(wasi: Wasi, { input, given }: CallSettings): WasiCall {
    const files = this.#files.now();
    if (files !== this.#shown) {
      this.#shown = files;
      wasi.show(files, this.#preopens());
    }
    const { args, env } = given === undefined ? this.#own : this.#with(given);
    return { args, env, stdin: input, stdout: this.#streams.stdout, stderr: this.#streams.stderr };
  }

  #with({ args, env }: CallArguments): CallArguments {
    return { args: [...this.#own.args, ...args], env: { ...env, ...this.#own.env } };
  }

  #preopens(): readonly Preopen[] {
    const { preopens } = this.#powers;
    if (preopens !== undefined) return preopens;
    const { cwd } = this.#settings;
    if (mayBeDirectory(this.#shown, cwd.slice(1))) return toPreopens(cwd, this.#shown);
    throw new FaasmError('conflict', `Its working directory ${cwd} is, or is in, a shared file`);
  }
}

/** With the working directory as programs ask for it, where it is not the root. */
export function toOwnEnvironment({ env, cwd }: FunctionSettings): CallArguments['env'] {
  return cwd === noSettings.cwd ? env : { PWD: cwd, ...env };
}
