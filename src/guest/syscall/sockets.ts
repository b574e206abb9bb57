/** Sockets: a function may have one, but there is no network. */
import { Descriptor } from '../wasi/descriptors.ts';
import { Device } from '../wasi/device.ts';
import { place } from '../wasi/layout.ts';
import { deviceRights } from '../wasi/rights.ts';
import type { SystemCalls } from './context.ts';
import { linuxErrno } from './errno.ts';

const socket = 1;

export const socketCalls = {
  /** @throws GuestFault in the words of the original, for a socket that the function did not open */
  socketcall: (context, call, parameters) => {
    const { tree, descriptors } = context.wasi;
    if (call === socket)
      return descriptors.open(new Descriptor(tree.detachedDevice('socket'), deviceRights, 0));
    const fd = context.memory.view().getInt32(place(context.memory, parameters, 4), true);
    const { target } = context.owned(fd);
    return target instanceof Device && target.name === 'socket'
      ? -linuxErrno.netunreach
      : -linuxErrno.notsock;
  },
} satisfies SystemCalls;
