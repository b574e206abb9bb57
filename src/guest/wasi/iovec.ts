/** Lists of buffers, as `fd_read` and `fd_write` take them: 8 bytes each, an address and a length. */
import type { GuestMemory } from '../guest-memory.ts';
import { fail } from './errno.ts';
import { place } from './layout.ts';

const iovecBytes = 8;

/**
 * The sum of the lengths, once the list and every buffer in it are known to be inside.
 * @throws GuestFault
 * @throws ErrnoFailure `inval` when the sum is no u32, in which it is to be answered
 */
export function checkIovecs(memory: GuestMemory, list: number, count: number): number {
  const start = place(memory, list, (count >>> 0) * iovecBytes);
  const end = start + (count >>> 0) * iovecBytes;
  const view = memory.view();
  let totalBytes = 0;
  for (let at = start; at < end; at += iovecBytes) {
    const byteLength = view.getUint32(at + 4, true);
    place(memory, view.getUint32(at, true), byteLength);
    totalBytes += byteLength;
  }
  if (totalBytes > 0xffff_ffff) fail('inval');
  return totalBytes;
}

/** One buffer of a checked list: the live bytes. @throws GuestFault */
export function iovec(memory: GuestMemory, list: number, index: number): Uint8Array {
  const view = memory.view();
  const at = (list >>> 0) + index * iovecBytes;
  return memory.bytes(view.getUint32(at, true), view.getUint32(at + 4, true));
}
