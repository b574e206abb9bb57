/** Loaded before a test: one source file is another than the one on disk, in this process and in all that it starts. */
import { readFileSync } from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import { pathToFileURL } from 'node:url';
import workerThreads, { Worker, type WorkerOptions } from 'node:worker_threads';

/** Of the JSON of an Overlay. */
export const overlayVariable = 'MUTANT_OVERLAY';

export interface Overlay {
  readonly path: string;
  readonly source: string;
}

const file = process.env[overlayVariable];
if (file !== undefined) {
  const { path, source } = JSON.parse(readFileSync(file, 'utf8')) as Overlay;
  const mutated = pathToFileURL(path).href;
  registerHooks({
    load: (url, context, next) =>
      url === mutated ? { format: 'module-typescript', source, shortCircuit: true } : next(url, context),
  });
  // Threads of the program have an environment of their own, and nothing of this one's options.
  workerThreads.Worker = class extends Worker {
    constructor(name: string | URL, options: WorkerOptions = {}) {
      const { env = process.env, execArgv = process.execArgv } = options;
      super(name, {
        ...options,
        env: typeof env === 'symbol' ? env : { ...env, [overlayVariable]: file },
        execArgv: [...execArgv, `--import=${import.meta.url}`],
      });
    }
  };
  syncBuiltinESMExports();
}
