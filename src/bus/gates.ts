/** One thing at a time for each name, in the order in which it was asked for. */
export class Gates {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs the work when all that was asked for under this name before has ended, well or not. */
  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const result = before.then(work, work);
    const settled: Promise<void> = result.then(
      () => this.#leave(name, settled),
      () => this.#leave(name, settled),
    );
    this.#last.set(name, settled);
    return result;
  }

  isIdle(name: string): boolean {
    return !this.#last.has(name);
  }

  /** Resolves when nothing is left to do. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }

  #leave(name: string, settled: Promise<unknown>): void {
    if (this.#last.get(name) === settled) this.#last.delete(name);
  }
}
