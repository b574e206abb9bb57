/**
 * Functions that are being made for this host, as those of the folder that `faasm dev` builds: who calls one before it
 * is live is told to come again, and not that there is none.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';

/** A build takes some seconds. */
const retryAfterMs = 2000;

export class ComingFunctions {
  /** As `user/name`; nothing while any may be among them. */
  #names: Set<string> | undefined;
  #tell: (why: string | undefined) => void = () => {};

  /** Tells now, and at each change, for people, what is still to come; nothing when all are there. */
  watch(tell: (why: string | undefined) => void): void {
    this.#tell = tell;
    tell(this.#why);
  }

  /** These come, as `user/name`, and no others. */
  expect(names: Iterable<string>): void {
    this.#names = new Set(names);
    this.#tell(this.#why);
  }

  /** It is live, or will not be. */
  settle(name: string): void {
    if (this.#names?.delete(name)) this.#tell(this.#why);
  }

  /** @throws FaasmError `being_built` for one that comes */
  check(user: UserName, name: FunctionName): void {
    if (this.#names !== undefined && !this.#names.has(`${user}/${name}`)) return;
    throw new FaasmError('being_built', `${user}/${name} is being built; try again in some seconds`, {
      details: { component: 'functions', retryAfterMs },
    });
  }

  get #why(): string | undefined {
    if (this.#names === undefined) return 'its functions are looked for';
    const { size } = this.#names;
    if (size === 0) return undefined;
    return size === 1 ? '1 function is being built' : `${size} functions are being built`;
  }
}
