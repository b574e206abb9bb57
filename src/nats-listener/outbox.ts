/** What a client has yet to read. All that is written in one turn of the event loop leaves in one write. */
import type { Socket } from 'node:net';

/** 256 KiB: more than so much does not wait for the end of the turn. */
const batchMaxBytes = 256 * 1024;

/** 64 KiB: up to so much is copied together; larger pieces are written as they are. */
const copyMaxBytes = 64 * 1024;

export class Outbox {
  readonly #socket: Socket;
  readonly #maxBytes: number;
  readonly #onFull: () => void;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #scheduled = false;

  /** @param onFull the client reads too slowly: more than `maxBytes` wait */
  constructor(socket: Socket, maxBytes: number, onFull: () => void) {
    this.#socket = socket;
    this.#maxBytes = maxBytes;
    this.#onFull = onFull;
  }

  /** Written and not gone yet. */
  get pendingBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  write(text: string, ...pieces: readonly Uint8Array[]): void {
    this.#add(Buffer.from(text, 'utf8'));
    for (const piece of pieces) this.#add(piece);
    if (this.pendingBytes > this.#maxBytes) this.#onFull();
    else if (this.#bytes > batchMaxBytes) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => this.flush());
    }
  }

  flush(): void {
    this.#scheduled = false;
    const pieces = this.#pieces;
    const bytes = this.#bytes;
    this.drop();
    if (pieces.length === 0 || !this.#socket.writable) return;
    if (bytes <= copyMaxBytes) {
      this.#socket.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes));
      return;
    }
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }

  /** Forgets what has not been handed to the socket. */
  drop(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }

  #add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }
}
