/** What this host needs and does not have at the moment: while there is any of it, the host is not ready. */
export class Readiness {
  readonly #missing = new Map<string, string>();
  readonly #components = new Set<string>();

  /** @param why nothing: it is there */
  set(component: string, why: string | undefined): void {
    this.#components.add(component);
    if (why === undefined) this.#missing.delete(component);
    else this.#missing.set(component, why);
  }

  /** What is missing, for people; empty when the host is ready. */
  get why(): string {
    return [...this.#missing].map(([component, why]) => `${component}: ${why}`).join('; ');
  }

  /** Whether each is there that this host was ever told of. */
  *components(): Iterable<readonly [component: string, isThere: boolean]> {
    for (const component of this.#components) yield [component, !this.#missing.has(component)];
  }
}
