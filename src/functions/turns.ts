/**
 * Turns at something that there is a few times: one user has one at a time, so that who asks for many keeps nobody else
 * waiting for more than one of them. Who came first is first, among those who have none.
 */

interface Waiting {
  readonly user: string;
  begin(): void;
}

export class Turns {
  #free: number;
  readonly #having = new Set<string>();
  readonly #waiting: Waiting[] = [];

  /** @param atOnce how many turns there are at a time */
  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Does it when it is the user's turn. @throws what `work` throws */
  async take<T>(user: string, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.#waiting.push({ user, begin });
      this.#next();
    });
    try {
      return await work();
    } finally {
      this.#having.delete(user);
      this.#free++;
      this.#next();
    }
  }

  #next(): void {
    if (this.#free === 0) return;
    const at = this.#waiting.findIndex(({ user }) => !this.#having.has(user));
    if (at === -1) return;
    const [next] = this.#waiting.splice(at, 1);
    this.#free--;
    this.#having.add(next!.user);
    next!.begin();
  }
}
