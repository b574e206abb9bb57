/** A thread of its own: attaches to an image that it is given, or prepares one and gives it back. */
import { parentPort, workerData } from 'node:worker_threads';
import { createCopyMemory } from '../../src/memory/copy.ts';
import { createMappedMemory } from '../../src/memory/mapped.ts';
import type { AttachAnswer, AttachTask } from '../_contracts/memory.ts';

const task = workerData as Partial<AttachTask> & Pick<AttachTask, 'kind'>;
const port = task.kind === 'mapped' ? createMappedMemory() : createCopyMemory();

if (task.prepared === undefined) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  new Uint8Array(memory.buffer)[77] = 77;
  parentPort!.postMessage(port.prepare(port.capture(memory)));
} else {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 64 });
  const attached = port.attach(memory, task.prepared);
  const image = new Uint8Array(memory.buffer).slice();
  let showed = image.some((byte) => byte !== 0);
  for (let call = 0; call < (task.calls ?? 0); call++) {
    new Uint8Array(memory.buffer).fill(call + 1);
    showed &&= attached.reset() && Buffer.compare(new Uint8Array(memory.buffer), image) === 0;
  }
  parentPort!.postMessage({ showed } satisfies AttachAnswer);
}
