/** The entry of a thread that prepares modules, one after the other: reading and rewriting a large one takes long. */
import { parentPort, workerData } from 'node:worker_threads';
import { type CallError, toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { ModuleLimits } from '../wasm/inspect.ts';
import { prepareModule } from './prepare.ts';
import type { Prepared } from './preparer.ts';
import { sha256 } from './sha256.ts';
import { tryCompilation } from './trial.ts';

export interface PrepareRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type PrepareAnswer = Prepared | { readonly error: CallError };

const port = parentPort!;
const limits = workerData as ModuleLimits;

port.on('message', async ({ bytes }: PrepareRequest) => {
  let answer: PrepareAnswer;
  try {
    answer = {
      sha256: sha256(bytes),
      prepared: await prepareModule(bytes, limits, { tryOut: tryCompilation }),
    };
  } catch (thrown) {
    answer = { error: toCallError(FaasmError.from(thrown)) };
  }
  port.postMessage(answer);
});
