/** What a command is, and the world that it acts in. */
import type { Readable, Writable } from 'node:stream';
import type { Config } from '../config/config.ts';
import type { GuestStreams } from '../run/streams.ts';

export interface Option {
  readonly type: 'text' | 'switch';
  /** One letter, for `-d`. */
  readonly short?: string;
  /** May be given more than once. */
  readonly multiple?: true;
  /** What stands for its value in a help text, as in `--url <url>`. */
  readonly value?: string;
  readonly about: string;
}

export type Options = Readonly<Record<string, Option>>;

/** What was given for each option: text, `true` for a switch, a list where it may be given more than once. */
export type Given<Taken extends Options> = {
  readonly [Name in keyof Taken]?: Taken[Name] extends { type: 'switch' }
    ? boolean
    : Taken[Name] extends { multiple: true }
      ? readonly string[]
      : string;
};

export interface Invocation<Taken extends Options = Options> {
  /** The arguments that are not options; as many as the command takes. */
  readonly operands: readonly string[];
  /** What came after `--`, for a command that passes it on. */
  readonly passedOn: readonly string[];
  readonly options: Given<Taken>;
  readonly world: World;
}

export interface Command<Taken extends Options = Options> {
  /** What is written after the command's name. */
  readonly usage: string;
  /** For the help text, below the usage. */
  readonly about: string;
  /** How many operands it takes, at least and at most. */
  readonly operands: readonly [min: number, max: number];
  /** Arguments after `--` are another program's. */
  readonly passesOn?: true;
  readonly options: Taken;
  /** Gives the exit status where it is not simply 0. @throws UsageError, FaasmError */
  run(invocation: Invocation<Taken>): Promise<void> | Promise<number>;
}

export interface World {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** For results alone. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** For all that is said beside the result. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Is a host, until it is told to stop. */
  serve(config: Config, options: ServeOptions): Promise<void>;
  /** The streams of this process, for a guest that is run in it; the engine is safe for guests from then on. */
  guestStreams(config: Config): Promise<GuestStreams>;
}

export interface ServeOptions {
  /** Builds and deploys the functions of the folder `func`, and again whenever they change. */
  readonly dev: boolean;
  /** For machines: JSON in place of lines for people. */
  readonly json: boolean;
  /** What to say of the settings, a sentence each. */
  readonly notes: readonly string[];
}

/** The command line itself is wrong; the exit status is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function defineCommand<const Taken extends Options>(command: Command<Taken>): Command {
  return command as unknown as Command;
}

/** The options that many commands have. */
export const jsonOption = {
  json: { type: 'switch', about: 'the result, and any error, as JSON' },
} as const satisfies Options;
export const urlOption = {
  url: {
    type: 'text',
    value: 'url',
    about: 'the host; else FAASM_URL, else http://localhost:8001',
  },
} as const satisfies Options;
