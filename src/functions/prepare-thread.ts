/** The entry of the thread that prepares modules: reading and rewriting a large one takes long. */
import { parentPort, workerData } from 'node:worker_threads';
import { type CallError, toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { ModuleLimits } from '../faaslet/module/inspect.ts';
import { type PreparedModule, prepareModule } from './prepare.ts';
import { sha256 } from './sha256.ts';

export interface PrepareRequest {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type PrepareAnswer =
  | { readonly id: number; readonly sha256: string; readonly prepared: PreparedModule }
  | { readonly id: number; readonly error: CallError };

const port = parentPort!;
const limits = workerData as ModuleLimits;

port.on('message', async ({ id, bytes }: PrepareRequest) => {
  let answer: PrepareAnswer;
  try {
    answer = { id, sha256: sha256(bytes), prepared: await prepareModule(bytes, limits) };
  } catch (thrown) {
    answer = { id, error: toCallError(FaasmError.from(thrown)) };
  }
  port.postMessage(answer);
});
