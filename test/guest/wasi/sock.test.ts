import test from 'ava';
import { Guest, out, root } from './guest.ts';

const functions: Record<string, (fd: number) => number[]> = {
  sock_accept: (fd) => [fd, 0, out],
  sock_recv: (fd) => [fd, 0, 0, 0, out, out + 4],
  sock_send: (fd) => [fd, 0, 0, 0, out],
  sock_shutdown: (fd) => [fd, 1],
};

for (const [name, parameters] of Object.entries(functions)) {
  test(`${name}() finds no socket in a stream or a directory`, (t) => {
    t.is(new Guest().call(name, ...parameters(1)), 'notsock');
    t.is(new Guest().call(name, ...parameters(root)), 'notsock');
  });

  test(`${name}() refuses a descriptor that is not open`, (t) => {
    t.is(new Guest().call(name, ...parameters(9)), 'badf');
  });
}
