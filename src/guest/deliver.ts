import { GuestFault } from './guest-fault.ts';
import type { GuestMemory } from './guest-memory.ts';

/**
 * Copies bytes into memory that the guest's own `malloc` gives.
 * @param malloc as the guest exports it, if it does
 * @returns their address, 0 for none
 * @throws GuestFault
 */
export function deliver(memory: GuestMemory, malloc: unknown, bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  if (typeof malloc !== 'function')
    throw new GuestFault('what is given in memory of its own needs the module to export malloc');
  const address = Number(malloc(bytes.length));
  if (address === 0) throw new GuestFault(`malloc gave no room for ${bytes.length} bytes`);
  memory.bytes(address, bytes.length).set(bytes);
  return address;
}
