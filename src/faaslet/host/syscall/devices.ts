/** Descriptors that are open on no file of the tree: what each is, for as long as it is open. */
import { Descriptor } from '../wasi/descriptors.ts';
import { fileRights } from '../wasi/rights.ts';
import type { SyscallContext } from './context.ts';

export type Device = 'null' | 'random' | 'socket';

const devices = new WeakMap<Descriptor, Device>();

/** @throws ErrnoFailure `mfile` */
export function openDevice({ wasi }: SyscallContext, device: Device): number {
  const descriptor = new Descriptor(wasi.tree.detachedFile(), fileRights, 0);
  devices.set(descriptor, device);
  return wasi.descriptors.open(descriptor);
}

export function deviceOf(descriptor: Descriptor): Device | undefined {
  return devices.get(descriptor);
}
