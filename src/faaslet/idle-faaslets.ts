/** Warm Faaslets waiting for the next call of their program; over the limit, the longest unused goes first. */
import type { Faaslet } from './faaslet.ts';

export class IdleFaaslets {
  readonly #max: number;
  /** In order of use, the longest unused first. */
  readonly #all = new Set<Faaslet>();
  readonly #byProgram = new Map<string, Faaslet[]>();

  /** @param max 0 keeps none */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#all.size;
  }

  take(program: string): Faaslet | undefined {
    const faaslet = this.#byProgram.get(program)?.pop();
    if (faaslet !== undefined) this.#all.delete(faaslet);
    return faaslet;
  }

  put(faaslet: Faaslet): void {
    const { key } = faaslet.program;
    const same = this.#byProgram.get(key);
    if (same === undefined) this.#byProgram.set(key, [faaslet]);
    else same.push(faaslet);
    this.#all.add(faaslet);
    if (this.#all.size > this.#max) this.#evictOldest();
  }

  forget(program: string): void {
    for (const faaslet of this.#byProgram.get(program) ?? []) this.#all.delete(faaslet);
    this.#byProgram.delete(program);
  }

  /** Throws an eighth of them away, at least one; false when there is none. */
  evictSome(): boolean {
    const count = Math.ceil(this.#all.size / 8);
    for (let at = 0; at < count; at++) this.#evictOldest();
    return count > 0;
  }

  #evictOldest(): void {
    const [oldest] = this.#all;
    if (oldest === undefined) return;
    this.#all.delete(oldest);
    const same = this.#byProgram.get(oldest.program.key);
    same?.splice(same.indexOf(oldest), 1);
  }
}
