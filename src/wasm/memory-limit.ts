import { FaasmError } from '../../proto/errors.ts';
import type { MemoryEntry } from './declarations.ts';

const pagesPerMebibyte = 16;

export function toMebibytes(pages: number): string {
  return `${Number((pages / pagesPerMebibyte).toFixed(1))} MiB`;
}

/**
 * Pages are of 64 KiB; the limit is for all memories of a module together.
 * @throws FaasmError `bad_module` when they start above it
 */
export function checkInitialMemory(memories: readonly MemoryEntry[], memoryMaxPages: number): void {
  const initial = memories.reduce((sum, memory) => sum + memory.initial, 0);
  if (initial <= memoryMaxPages) return;
  const subject = memories.length > 1 ? `Its ${memories.length} memories start` : 'Its memory starts';
  throw new FaasmError(
    'bad_module',
    `The module asks for too much memory. ${subject} with ${toMebibytes(initial)}, and the limit of a call is ` +
      `${toMebibytes(memoryMaxPages)}: link it with a smaller --initial-memory, or raise FAASM_MEMORY_MAX_MIB`,
  );
}
