/** A process of its own: takes what the kernel has until it is refused, lets go, and says how it went. */
import { closeSync, openSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createMappedMemory } from '../../src/memory/mapped.ts';

const port = createMappedMemory();
const source = new WebAssembly.Memory({ initial: 1 });
new Uint8Array(source.buffer)[5] = 5;
const image = port.capture(source);
const prepared = port.prepare(image);

const attach = () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  return { memory, attached: port.attach(memory, prepared) };
};

const takers: Record<string, () => unknown> = {
  mappings: () => port.createSegment(1),
  addresses: () => port.createSegment(2 ** 32),
};

async function exhaust(what: string): Promise<unknown> {
  if (what === 'files') return exhaustFiles();
  const held: unknown[] = [];
  const code = takeUntilRefused(takers[what]!, held);
  const some = held.length;
  held.length = 0;
  setFlagsFromString('--expose-gc');
  for (let turn = 0; turn < 3; turn++) {
    (runInNewContext('gc') as () => void)();
    await setTimeout(400);
  }
  const { memory, attached } = attach();
  const showed = new Uint8Array(memory.buffer)[5] === 5 && attached.reset();
  return { code, took: some > 1000, works: showed && port.createSegment(2 ** 32).byteLength === 2 ** 32 };
}

function exhaustFiles(): unknown {
  const held: number[] = [];
  takeUntilRefused(() => openSync('/dev/null', 'r'), held);
  const code = takeUntilRefused(() => port.prepare(image), []);
  for (const fd of held) closeSync(fd);
  return { code, took: held.length > 10, works: port.prepare(image).fd !== -1 };
}

function takeUntilRefused(take: () => unknown, held: unknown[]): string {
  for (;;) {
    try {
      held.push(take());
    } catch (thrown) {
      return (thrown as NodeJS.ErrnoException).code ?? String(thrown);
    }
  }
}

console.log(JSON.stringify(await exhaust(process.argv[2]!)));
