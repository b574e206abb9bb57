/**
 * Small calls and their ends on their way between two threads, through shared memory: a posted message costs both
 * threads several microseconds, a record here less than one, and a reader that is awake is not woken again.
 *
 *   words:  head (bytes written, ever) | tail (bytes read, ever) | asleep, each in a cache line of its own
 *   bytes:  records, one after the other; one that would cross the end begins anew at the start
 *   record: body length, three numbers, body, padded to 4 bytes; or a length of -1: go on at the start
 *
 * One thread writes, one reads. A record is there for the reader once `head` is past it. Waking a thread costs some
 * ten microseconds, so a reader says when it sleeps: before, it looks once more at what is there.
 */
const capacityBytes = 64 * 1024;
const headerBytes = 192;
const head = 0;
const tail = 16;
const asleep = 32;
const recordWords = 4;
const wrapped = -1;

/** A larger body is posted as a message, which does not have to be copied out again. */
const bodyMaxBytes = 8 * 1024;

export const callRingBytes = headerBytes + capacityBytes;

export type OnRecord = (first: number, second: number, third: number, body: Uint8Array) => void;

export class CallRing {
  readonly #positions: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  /** @param buffer of `callRingBytes`, zeroes at first */
  constructor(buffer: SharedArrayBuffer) {
    this.#positions = new Int32Array(buffer, 0, headerBytes / 4);
    this.#words = new Int32Array(buffer, headerBytes);
    this.#bytes = new Uint8Array(buffer, headerBytes);
  }

  /** Writes a record; false, and nothing is written, when the body is too large or there is no room. */
  write(first: number, second: number, third: number, body: Uint8Array): boolean {
    if (body.length > bodyMaxBytes) return false;
    const recordBytes = recordWords * 4 + ((body.length + 3) & ~3);
    let position = this.#positions[head]!;
    let at = position & (capacityBytes - 1);
    const skipped = at + recordBytes > capacityBytes ? capacityBytes - at : 0;
    const used = (position - Atomics.load(this.#positions, tail)) | 0;
    if (used + skipped + recordBytes > capacityBytes) return false;
    if (skipped > 0) {
      this.#words[at / 4] = wrapped;
      position = (position + skipped) | 0;
      at = 0;
    }
    const word = at / 4;
    this.#words[word] = body.length;
    this.#words[word + 1] = first;
    this.#words[word + 2] = second;
    this.#words[word + 3] = third;
    this.#bytes.set(body, at + recordWords * 4);
    Atomics.store(this.#positions, head, (position + recordBytes) | 0);
    return true;
  }

  /** Wakes the reader, if it sleeps. */
  wake(): void {
    if (Atomics.exchange(this.#positions, asleep, 0) === 1) Atomics.notify(this.#positions, asleep);
  }

  /** Reads all that is there; the bodies are copies. */
  drain(onRecord: OnRecord): void {
    let position = this.#positions[tail]!;
    while (position !== Atomics.load(this.#positions, head)) {
      const at = position & (capacityBytes - 1);
      const word = at / 4;
      const length = this.#words[word]!;
      if (length === wrapped) {
        position = (position + capacityBytes - at) | 0;
        continue;
      }
      const bodyAt = at + recordWords * 4;
      const body = this.#bytes.slice(bodyAt, bodyAt + length);
      const first = this.#words[word + 1]!;
      const second = this.#words[word + 2]!;
      const third = this.#words[word + 3]!;
      position = (position + recordWords * 4 + ((length + 3) & ~3)) | 0;
      Atomics.store(this.#positions, tail, position);
      onRecord(first, second, third, body);
    }
  }

  /** The reader will look again by itself. */
  stayAwake(): void {
    Atomics.store(this.#positions, asleep, 0);
  }

  /** The reader does not look again before it is woken; false, and it stays awake, when there is something to read. */
  fallAsleep(): boolean {
    Atomics.store(this.#positions, asleep, 1);
    if (this.#positions[tail]! === Atomics.load(this.#positions, head)) return true;
    this.stayAwake();
    return false;
  }

  /** Resolves when the reader is woken; nothing when it was already. */
  woken(): Promise<unknown> | undefined {
    const result = Atomics.waitAsync(this.#positions, asleep, 1);
    return result.async ? result.value : undefined;
  }
}

/** Reads whatever is written, until `isClosed`, which is looked at each time it is woken. */
export async function followCallRing(
  ring: CallRing,
  onRecord: OnRecord,
  isClosed: () => boolean = () => false,
): Promise<void> {
  while (!isClosed()) {
    ring.drain(onRecord);
    if (ring.fallAsleep()) await ring.woken();
  }
}
