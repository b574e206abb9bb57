/** The programs that an executor has, and which of them were so quick that a chained call of theirs may run beside its caller. */
import type { CallEnd } from '../../proto/call.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { Program } from '../faaslet/program.ts';

/** A program is quick after so many runs, if a run takes less than so long on average. */
const quickAfterRuns = 3;
const quickMaxMs = 0.5;
/** How much the latest run counts in the average. */
const latestWeight = 0.25;

interface Experience {
  runs: number;
  averageMs: number;
}

export class LocalPrograms {
  readonly #byNumber = new Map<number, Program>();
  readonly #held = new Set<Program>();
  readonly #live = new Map<string, Program>();
  readonly #experience = new Map<string, Experience>();

  add(number: number, program: Program): void {
    this.#byNumber.set(number, program);
    this.#held.add(program);
    this.#live.set(nameOf(program.user, program.function), program);
  }

  get(number: number): Program | undefined {
    return this.#byNumber.get(number);
  }

  has(program: Program): boolean {
    return this.#held.has(program);
  }

  /** The pool says so when another version went live, or none. */
  remove(number: number): Program | undefined {
    const program = this.#byNumber.get(number);
    if (program === undefined) return undefined;
    this.#byNumber.delete(number);
    this.#held.delete(program);
    this.#experience.delete(program.key);
    const name = nameOf(program.user, program.function);
    if (this.#live.get(name) === program) this.#live.delete(name);
    return program;
  }

  record(program: Program, durationMs: number, { error, chains }: CallEnd): void {
    const known = this.#experience.get(program.key);
    // One that leaves chained calls behind ends by the pool's rules, and one that fails may be about to run away.
    const ms = chains !== undefined || error !== undefined ? Number.POSITIVE_INFINITY : durationMs;
    if (known === undefined) {
      this.#experience.set(program.key, { runs: 1, averageMs: ms });
      return;
    }
    known.runs++;
    known.averageMs += (ms - known.averageMs) * latestWeight;
  }

  /** The live program of a function, if a call of it is likely to be over soon. */
  quick(user: UserName, name: FunctionName): Program | undefined {
    const program = this.#live.get(nameOf(user, name));
    if (program === undefined) return undefined;
    const known = this.#experience.get(program.key);
    return known !== undefined && known.runs >= quickAfterRuns && known.averageMs < quickMaxMs
      ? program
      : undefined;
  }
}

function nameOf(user: UserName, name: FunctionName): string {
  return `${user}/${name}`;
}
