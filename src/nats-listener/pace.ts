/**
 * How much of the thread all clients of a listener have: half of it, in turns, however many they are. What their
 * operations took, and what followed at once, is left to others afterwards; who comes before that waits for its turn.
 */

/** A client has so long at a stretch. */
export const stretchMs = 5;
const restMaxMs = 100;

export class Pace {
  readonly #waiting: (() => void)[] = [];
  /** When others will have had the thread for as long as clients. */
  #evenAtMs = 0;
  #beganMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Whether a client that comes now may begin. */
  isFree(nowMs: number): boolean {
    return this.#waiting.length === 0 && this.#isEven(nowMs);
  }

  /** Counts from now until all is done that follows at once, as writing to those who hear what was published. */
  begin(nowMs: number): void {
    if (this.#beganMs !== undefined) return;
    this.#beganMs = nowMs;
    queueMicrotask(this.#account);
  }

  wait(turn: () => void): void {
    this.#waiting.push(turn);
    this.#schedule();
  }

  #isEven(nowMs: number): boolean {
    return this.#evenAtMs - nowMs <= stretchMs;
  }

  #schedule(): void {
    const waitMs = this.#evenAtMs - stretchMs - performance.now();
    this.#timer ??= setTimeout(this.#onTime, Math.max(0, waitMs));
  }

  readonly #onTime = (): void => {
    this.#timer = undefined;
    const startMs = performance.now();
    let nowMs = startMs;
    while (this.#waiting.length > 0 && nowMs - startMs < stretchMs && this.#isEven(nowMs)) {
      this.#waiting.shift()!();
      nowMs = performance.now();
    }
    if (this.#waiting.length > 0) this.#schedule();
  };

  readonly #account = (): void => {
    const nowMs = performance.now();
    const tookMs = nowMs - this.#beganMs!;
    this.#beganMs = undefined;
    this.#evenAtMs = Math.min(Math.max(this.#evenAtMs + tookMs, nowMs) + tookMs, nowMs + restMaxMs);
  };
}
