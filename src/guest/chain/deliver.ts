import { GuestFault } from '../guest-fault.ts';
import type { GuestMemory } from '../guest-memory.ts';

/** The guest's own `malloc`, where it exports one. */
export type Malloc = ((byteLength: number) => unknown) | undefined;

/** Copies bytes into memory that the guest's own `malloc` gives. @returns their address, 0 for none @throws GuestFault */
export function deliver(memory: GuestMemory, malloc: Malloc, bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  if (malloc === undefined)
    throw new GuestFault('what is given in memory of its own needs the module to export malloc');
  const address = Number(malloc(bytes.length));
  if (address === 0) throw new GuestFault(`malloc gave no room for ${bytes.length} bytes`);
  memory.bytes(address, bytes.length).set(bytes);
  return address;
}
