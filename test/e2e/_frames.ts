/** A client that speaks frames of faasm.proto on a socket. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { callMaxBytes } from '../../src/calls/limits.ts';
import { decodeMessage, type Message } from '../../src/calls/message.ts';
import { FrameReader, toFrame } from '../../src/receive/frames.ts';
import type { SocketAddress } from '../../src/receive/socket-address.ts';

export interface FrameClient extends AsyncDisposable {
  readonly socket: Socket;
  send(message: Partial<Message>): void;
  /** The next result. @throws when the connection ends before */
  next(): Promise<Message>;
  /** Results until the connection ends. */
  rest(): Promise<Message[]>;
}

export async function connectFrames(address: SocketAddress): Promise<FrameClient> {
  const socket = connect({ ...address, allowHalfOpen: true });
  await once(socket, 'connect');
  socket.on('error', () => {});
  const results = readFrames(socket);
  return {
    socket,
    send: (message) => void socket.write(toFrame({ type: 'CALL', ...message })),
    async next() {
      const { value, done } = await results.next();
      if (done === true) throw new Error('the connection ended');
      return value;
    },
    async rest() {
      const all: Message[] = [];
      for await (const message of results) all.push(message);
      return all;
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}

export async function* readFrames(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
  const reader = new FrameReader(callMaxBytes);
  try {
    for await (const piece of stream) {
      reader.push(piece);
      for (const bytes of reader.takeAll()) yield decodeMessage(bytes, 'result');
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
}
