/** Reads a mangled name forward, and gives up at what it does not know. */

/** Thrown at what is not understood; the name is then shown as it is. */
export class UnknownMangling extends Error {}

const stepsMax = 5_000;

export class MangledText {
  readonly text: string;
  position: number;
  #steps = 0;

  constructor(text: string, position: number) {
    this.text = text;
    this.position = position;
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  peek(length = 1): string {
    return this.text.slice(this.position, this.position + length);
  }

  next(): string {
    if (this.isAtEnd || ++this.#steps > stepsMax) throw new UnknownMangling();
    return this.text[this.position++]!;
  }

  /** Goes past it, if it stands here. */
  skip(wanted: string): boolean {
    if (!this.text.startsWith(wanted, this.position)) return false;
    if (++this.#steps > stepsMax) throw new UnknownMangling();
    this.position += wanted.length;
    return true;
  }

  expect(wanted: string): void {
    if (!this.skip(wanted)) throw new UnknownMangling();
  }

  /** What a pattern with the flag `y` matches here; nothing where it does not. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.position += found.length;
    return found;
  }

  take(length: number): string {
    const taken = this.peek(length);
    if (taken.length < length) throw new UnknownMangling();
    this.position += length;
    return taken;
  }
}

/** What `read` gives, or nothing for what it does not understand. */
export function unlessUnknown(read: () => string): string | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof UnknownMangling) return undefined;
    throw thrown;
  }
}
