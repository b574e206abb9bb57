/** The calls of one host, counted since its start, in as few words as a metrics database can bear. */
import type { ErrorCode } from '../../proto/errors.ts';
import { Durations } from './durations.ts';
import type { SeenCall } from './seen-call.ts';

/** A function is some 20 time series; functions that come after so many are counted together. */
const functionsMax = 200;

/** Stands for all functions over the limit. No function can be named so. */
const others = '(others)';

export interface FunctionTally {
  readonly user: string;
  readonly function: string;
  readonly durations: Durations;
  /** How many ended so, by error code, or by `ok`. */
  readonly codes: Map<ErrorCode | 'ok', number>;
}

export class Tally {
  readonly #functions = new Map<string, FunctionTally>();
  #others: FunctionTally | undefined;

  add({ user, function: name, code, durationMs }: SeenCall): void {
    const id = `${user}/${name}`;
    const tally = this.#functions.get(id) ?? this.#open(id, user, name);
    tally.durations.add(durationMs);
    tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1);
  }

  *functions(): Iterable<FunctionTally> {
    yield* this.#functions.values();
    if (this.#others !== undefined) yield this.#others;
  }

  #open(id: string, user: string, name: string): FunctionTally {
    if (this.#functions.size >= functionsMax) {
      this.#others ??= { user: others, function: others, durations: new Durations(), codes: new Map() };
      return this.#others;
    }
    const tally = { user, function: name, durations: new Durations(), codes: new Map() };
    this.#functions.set(id, tally);
    return tally;
  }
}
