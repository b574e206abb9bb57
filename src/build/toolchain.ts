/**
 * The toolchain, in processes of its own: it computes for seconds without a pause, takes half a gigabyte, and must
 * not be able to take the host with it. A process starts with the first build, stays warm for the next, and ends
 * when there is none for a while.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { FaasmError } from '../../proto/errors.ts';
import type { BuildProgress, BuildResult } from './options.ts';
import { processorTimeMs } from './processor-time.ts';
import type { BuildRequest, ToolchainAnswer } from './toolchain-messages.ts';

export interface ToolchainOptions {
  /** How many builds run at once, each in its process. @default 2 */
  readonly processesMax?: number;
  /** How long a process waits for another build, in milliseconds. @default 60000 */
  readonly idleMs?: number;
}

export interface BuildLimits {
  /**
   * Of processor time, in milliseconds, that one step may take: a source, or the linking. Then the build's process is
   * killed. So a large program may take as long as it needs, and a busy machine makes no difference. Where the system
   * does not say what a process has computed, it is time by the clock. 0 for no limit.
   * @default 120000
   */
  readonly stepMaxMs?: number | undefined;
}

export interface Toolchain extends AsyncDisposable {
  /** Processes alive, idle ones included. */
  readonly processes: number;
  /**
   * Builds, now or when another build has ended.
   * @throws FaasmError `bad_request` with the compiler's message, `deadline_exceeded`, `draining` once it is disposed
   */
  build(request: BuildRequest, onProgress?: BuildProgress, limits?: BuildLimits): Promise<BuildResult>;
}

interface Job {
  readonly request: BuildRequest;
  readonly stepMaxMs: number;
  readonly onProgress: BuildProgress;
  readonly resolve: (result: BuildResult) => void;
  readonly reject: (error: FaasmError) => void;
}

interface Process {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  job: Job | undefined;
  /** What it does now, in words, and what the process had computed as that began. */
  step: { readonly what: string; readonly beganMs: Promise<number> };
  timer: NodeJS.Timeout | undefined;
  /** The end of what it said on standard error. */
  lastWords: string;
}

const lastWordsMaxLength = 2_000;
const stepMaxDefaultMs = 120_000;

/** How often a step is looked at. */
const stepCheckMs = 500;

const program = fileURLToPath(new URL('./toolchain-process.ts', import.meta.url));

const execArgv = [
  /** In KiB; deeply nested programs need more than V8 gives. */
  '--stack-size=4000',
  /** 2 GiB, also for a program that is made to exhaust its compiler. */
  '--wasm-max-mem-pages=32768',
  /** Loading LLVM takes 0.3 s less; it comes with the package, and its functions are validated when first called. */
  '--wasm-lazy-validation',
];

export function createToolchain(options: ToolchainOptions = {}): Toolchain {
  const { processesMax = 2, idleMs = 60_000 } = options;
  const processes = new Set<Process>();
  const waiting: Job[] = [];
  let disposed = false;

  function next(): void {
    while (waiting.length > 0) {
      const process = [...processes].find(({ job }) => job === undefined) ?? start();
      if (process === undefined) return;
      give(process, waiting.shift()!);
    }
  }

  function start(): Process | undefined {
    if (processes.size >= processesMax) return undefined;
    const child = fork(program, {
      execArgv,
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const exited = new Promise((resolve) => child.once('close', resolve));
    const step = { what: 'starting', beganMs: Promise.resolve(0) };
    const process: Process = { child, exited, job: undefined, step, timer: undefined, lastWords: '' };
    child.on('message', (message) => hear(process, message as ToolchainAnswer));
    child.on('error', (cause) =>
      end(process, new FaasmError('internal', `The toolchain does not start: ${cause.message}`, { cause })),
    );
    child.on('close', (code, signal) => {
      const how = `The toolchain ended with ${signal ?? `status ${code}`}. ${process.lastWords}`.trim();
      end(process, new FaasmError('internal', how));
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      process.lastWords = (process.lastWords + text).slice(-lastWordsMaxLength);
    });
    processes.add(process);
    return process;
  }

  function give(process: Process, job: Job): void {
    clearTimeout(process.timer);
    process.job = job;
    process.child.ref();
    process.child.channel?.ref();
    begin(process, 'starting');
    watch(process, job);
    process.child.send(job.request, (error) => {
      if (error !== null) end(process, new FaasmError('internal', `The toolchain is gone: ${error.message}`));
    });
  }

  function begin(process: Process, what: string): void {
    process.step = { what, beganMs: computedMs(process.child) };
  }

  function watch(process: Process, job: Job): void {
    const { stepMaxMs } = job;
    if (stepMaxMs === 0) return;
    process.timer = setTimeout(
      async () => {
        const { step } = process;
        const takenMs = (await computedMs(process.child)) - (await step.beganMs);
        if (process.job !== job) return;
        if (process.step !== step || takenMs <= stepMaxMs) watch(process, job);
        else end(process, tooLong(step.what, stepMaxMs));
      },
      Math.min(stepCheckMs, stepMaxMs),
    );
  }

  function hear(process: Process, message: ToolchainAnswer): void {
    const { job } = process;
    if (job === undefined) return;
    if (message.kind === 'progress') {
      begin(process, `${message.stage} ${message.detail}`.trimEnd());
      job.onProgress(message.stage, message.detail);
      return;
    }
    process.job = undefined;
    rest(process);
    next();
    if (message.kind === 'built') job.resolve({ wasm: message.wasm, warnings: message.warnings });
    else job.reject(new FaasmError(message.code, message.message));
  }

  /** An idle process keeps nobody alive. */
  function rest(process: Process): void {
    clearTimeout(process.timer);
    if (process.job !== undefined) return;
    process.child.unref();
    process.child.channel?.unref();
    (process.child.stderr as { unref?: () => void } | null)?.unref?.();
    process.timer = setTimeout(() => end(process), idleMs).unref();
  }

  function end(process: Process, error?: FaasmError): void {
    if (!processes.delete(process)) return;
    clearTimeout(process.timer);
    process.child.kill('SIGKILL');
    if (error !== undefined) process.job?.reject(error);
    process.job = undefined;
    next();
  }

  return {
    get processes() {
      return processes.size;
    },
    build: (request, onProgress = () => {}, { stepMaxMs = stepMaxDefaultMs } = {}) =>
      new Promise((resolve, reject) => {
        if (disposed) return reject(new FaasmError('draining', 'The toolchain takes no more builds'));
        waiting.push({ request, stepMaxMs, onProgress, resolve, reject });
        next();
      }),
    async [Symbol.asyncDispose]() {
      disposed = true;
      const error = new FaasmError('draining', 'The toolchain was stopped');
      for (const job of waiting.splice(0)) job.reject(error);
      const all = [...processes];
      for (const process of all) {
        process.child.ref();
        end(process, error);
      }
      await Promise.all(all.map(({ exited }) => exited));
    },
  };
}

/** Linux says what a process has computed; a process that is gone, nothing more. */
async function computedMs({ pid }: ChildProcess): Promise<number> {
  if (platform !== 'linux' || pid === undefined) return performance.now();
  return (await processorTimeMs(pid)) ?? 0;
}

function tooLong(what: string, stepMaxMs: number): FaasmError {
  return new FaasmError(
    'deadline_exceeded',
    `The build was stopped: ${what} took more than ${stepMaxMs} ms of processor time; raise FAASM_BUILD_STEP_MAX_MS`,
  );
}
