/** Sockets: a function may have one, but there is no network. */
import { place } from '../wasi/layout.ts';
import type { SystemCalls } from './context.ts';
import { deviceOf, openDevice } from './devices.ts';
import { linuxErrno } from './errno.ts';

const socket = 1;

export const socketCalls = {
  /** @throws GuestFault in the words of the original, for a socket that the function did not open */
  socketcall: (context, call, parameters) => {
    if (call === socket) return openDevice(context, 'socket');
    const fd = context.memory.view().getInt32(place(context.memory, parameters, 4), true);
    const isSocket = deviceOf(context.owned(fd)) === 'socket';
    return isSocket ? -linuxErrno.netunreach : -linuxErrno.notsock;
  },
} satisfies SystemCalls;
