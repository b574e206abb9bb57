/** `faasm dev` and `faasm start` as child processes that run until they are told to stop. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const program = join(import.meta.dirname, '../../actors/faasm.ts');

export interface Exit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningCommand {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: Promise<Exit>;
  /** Resolves once one of its outputs has it. @throws when the command ends before */
  said(what: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** As if it was typed, where the command is on a terminal. */
  write(text: string): void;
}

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly onTerminal?: boolean;
}

/** Ports are any free ones where `args` does not say otherwise. */
export function startCommand(
  args: readonly string[],
  folder: string,
  { environment = {}, onTerminal = false }: CommandOptions = {},
): RunningCommand {
  const ports = { FAASM_HTTP_PORT: '0', FAASM_UPLOAD_PORT: '0', FAASM_NATS_PORT: '0' };
  const command = [process.execPath, program, ...args] as const;
  const [file, ...rest] = onTerminal
    ? // Of util-linux: it gives the command a terminal, and the exit status of the command is its own.
      ['script', '--quiet', '--return', '--flush', '--command', command.join(' '), '/dev/null']
    : command;
  const child = spawn(file!, rest, {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      FAASM_LOG_LEVEL: onTerminal ? 'info' : 'debug',
      ...ports,
      ...environment,
    },
    stdio: [onTerminal ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  let ended = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      tell();
    });
  }
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      resolve({ status, signal });
      ended = true;
      tell();
    });
  });
  const running: RunningCommand = {
    get stdout() {
      return texts.stdout;
    },
    get stderr() {
      return texts.stderr;
    },
    exit,
    said: (what) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const holds = what.test(texts.stdout) || what.test(texts.stderr);
          if (!holds && !ended) return;
          listeners.delete(check);
          if (holds) resolve();
          else reject(new Error(`It ended and did not say ${what}: ${texts.stdout}\n${texts.stderr}`));
        };
        listeners.add(check);
        check();
      }),
    kill: (signal) => void child.kill(signal),
    write: (text) => void child.stdin?.write(text),
  };
  allRunning.add(running);
  child.once('close', () => allRunning.delete(running));
  return running;
}

const allRunning = new Set<RunningCommand>();

/** Whatever a test that failed has left. */
export async function killAll(): Promise<void> {
  for (const command of allRunning) {
    command.kill('SIGKILL');
    await command.exit;
  }
}
