/** Which memory this platform can do. */
import { FaasmError } from '../../proto/errors.ts';
import { createCopyMemory } from './copy.ts';
import { createMappedMemory } from './mapped.ts';
import { hostPageBytes, type MemoryPort } from './port.ts';

export interface DetectedMemory {
  readonly port: MemoryPort;
  /** One sentence for the log. */
  readonly why: string;
}

/**
 * `auto` is mapped where that works, found out by doing it on a small memory, and copy elsewhere.
 * @throws FaasmError `internal` when `mapped` is wanted and does not work
 */
export function detectMemoryPort(wanted: 'auto' | 'mapped' | 'copy'): DetectedMemory {
  if (wanted === 'copy') return { port: createCopyMemory(), why: 'copied memory, as configured' };
  try {
    const port = createMappedMemory();
    tryOut(port);
    return { port, why: 'mapped memory: snapshots and state are shared pages' };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (wanted === 'mapped') {
      const text = `Mapped memory does not work here: ${reason}; set FAASM_MEMORY=auto or copy`;
      throw new FaasmError('internal', text, { cause });
    }
    return { port: createCopyMemory(), why: `copied memory, because mapped does not work here: ${reason}` };
  }
}

/** An image and a segment, shown, written to and reset, on a memory of three wasm pages. */
function tryOut(port: MemoryPort): void {
  const source = new WebAssembly.Memory({ initial: 1 });
  new Uint8Array(source.buffer)[hostPageBytes] = 1;
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 3 });
  const prepared = port.prepare(port.capture(source));
  try {
    const attached = port.attach(memory, prepared);
    const segment = port.createSegment(1);
    const window = attached.growForWindow(1);
    attached.mapSegment(segment, window);
    const bytes = new Uint8Array(memory.buffer);
    expect(bytes[hostPageBytes] === 1, 'the image does not show');
    bytes[hostPageBytes] = 2;
    bytes[window] = 3;
    expect(new Uint8Array(segment.buffer, 0, 1)[0] === 3, 'a segment is not shared');
    expect(attached.reset(), 'a reset is refused');
    expect(bytes[hostPageBytes] === 1 && bytes[window] === 0, 'a reset does not show the image');
  } finally {
    port.discard(prepared);
  }
}

function expect(fact: boolean, otherwise: string): void {
  if (!fact) throw new Error(otherwise);
}
