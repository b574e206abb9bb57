/** What is subscribed, by pattern: one level of the tree for each token. */

interface Branch<T> {
  readonly children: Map<string, Branch<T>>;
  /** Of the patterns that end here. */
  readonly here: Set<T>;
  /** Of the patterns that go on with a last `>`. */
  readonly rest: Set<T>;
}

export class SubjectTree<T> {
  readonly #root: Branch<T> = createBranch();

  add(tokens: readonly string[], value: T): void {
    let branch = this.#root;
    for (const token of tokens) {
      if (token === '>') {
        branch.rest.add(value);
        return;
      }
      let next = branch.children.get(token);
      if (next === undefined) branch.children.set(token, (next = createBranch()));
      branch = next;
    }
    branch.here.add(value);
  }

  remove(tokens: readonly string[], value: T): void {
    const path: Branch<T>[] = [this.#root];
    for (const token of tokens) {
      if (token === '>') break;
      const next = path.at(-1)!.children.get(token);
      if (next === undefined) return;
      path.push(next);
    }
    const last = path.at(-1)!;
    (tokens.at(-1) === '>' ? last.rest : last.here).delete(value);
    for (let depth = path.length - 1; depth > 0 && isBare(path[depth]!); depth--) {
      path[depth - 1]!.children.delete(tokens[depth - 1]!);
    }
  }

  /** All values whose pattern matches the subject. */
  match(tokens: readonly string[]): T[] {
    const found: T[] = [];
    collect(this.#root, tokens, 0, found);
    return found;
  }
}

function collect<T>(branch: Branch<T>, tokens: readonly string[], at: number, found: T[]): void {
  const token = tokens[at];
  if (token === undefined) {
    found.push(...branch.here);
    return;
  }
  found.push(...branch.rest);
  const literal = branch.children.get(token);
  if (literal !== undefined) collect(literal, tokens, at + 1, found);
  const any = branch.children.get('*');
  if (any !== undefined) collect(any, tokens, at + 1, found);
}

function createBranch<T>(): Branch<T> {
  return { children: new Map(), here: new Set(), rest: new Set() };
}

function isBare(branch: Branch<unknown>): boolean {
  return branch.children.size === 0 && branch.here.size === 0 && branch.rest.size === 0;
}
