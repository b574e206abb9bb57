/** Sockets: a Faaslet never has one, so every open descriptor is something else. */
import type { WasiContext, WasiFunctions } from './context.ts';
import { fail } from './errno.ts';

export const sockFunctions = {
  sock_accept: (context, fd: number, _flags: number, _out: number) => notSocket(context, fd),
  sock_recv: (
    context,
    fd: number,
    _iovecs: number,
    _count: number,
    _flags: number,
    _size: number,
    _out: number,
  ) => notSocket(context, fd),
  sock_send: (context, fd: number, _iovecs: number, _count: number, _flags: number, _size: number) =>
    notSocket(context, fd),
  sock_shutdown: (context, fd: number, _how: number) => notSocket(context, fd),
} satisfies WasiFunctions;

function notSocket(context: WasiContext, fd: number): never {
  context.descriptors.get(fd);
  fail('notsock');
}
