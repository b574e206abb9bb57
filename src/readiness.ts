/**
 * What this host needs and does not have at the moment.
 *
 * A host is ready when it takes calls and runs the functions that it has. What calls cannot do without makes it unready
 * while it is away; without the rest it is degraded: ready, and it says so.
 */
export class Readiness {
  readonly #away = new Map<string, { readonly why: string; readonly blocks: boolean }>();
  readonly #components = new Set<string>();
  #onReady: (() => void)[] = [];

  /** Calls need it. @param why nothing: it is there */
  set(component: string, why: string | undefined): void {
    this.#note(component, why, true);
  }

  /** Calls can be run without it. @param why nothing: it is there */
  degrade(component: string, why: string | undefined): void {
    this.#note(component, why, false);
  }

  /** What calls need and is away, for people; empty when the host is ready. */
  get why(): string {
    return this.#text(true);
  }

  /** What else is away, for people. */
  get degraded(): string {
    return this.#text(false);
  }

  /** Resolves when the host is ready, at once where it is. */
  async whenReady(): Promise<void> {
    if (this.why !== '') await new Promise<void>((resolve) => this.#onReady.push(resolve));
  }

  /** Whether each is there that this host was ever told of. */
  *components(): Iterable<readonly [component: string, isThere: boolean]> {
    for (const component of this.#components) yield [component, !this.#away.has(component)];
  }

  #note(component: string, why: string | undefined, blocks: boolean): void {
    this.#components.add(component);
    if (why === undefined) this.#away.delete(component);
    else this.#away.set(component, { why, blocks });
    if (this.why !== '') return;
    for (const tell of this.#onReady) tell();
    this.#onReady = [];
  }

  #text(blocks: boolean): string {
    const found = [...this.#away].filter(([, one]) => one.blocks === blocks);
    return found.map(([component, { why }]) => `${component}: ${why}`).join('; ');
  }
}
