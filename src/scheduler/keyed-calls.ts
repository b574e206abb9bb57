/**
 * Calls that came with an idempotency key, and their answers for a while: one that is sent again with its key is
 * answered as it was, or when it is, and runs once (draft-ietf-httpapi-idempotency-key-header). Time comes with each call.
 *
 *     begin ─▶ running ──end with an answer──▶ kept ──after `keptMs`, or for want of room──▶ gone
 *                 └──────end without one: whoever sends it again runs it──────────────────▶ gone
 */
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { Headers } from '../bus/port.ts';
import { keyReused } from '../calls/idempotency-key.ts';

export interface Answer {
  readonly body: Uint8Array;
  readonly headers: Headers | undefined;
}

export interface KeyedCall {
  readonly user: UserName;
  readonly function: FunctionName;
  readonly key: string;
  /** Of all that makes it the call that it is. */
  readonly fingerprint: string;
}

export interface KeyedLimits {
  /** How long an answer is kept after the call has ended. */
  readonly keptMs: number;
  /** Running and kept, of one user. */
  readonly perUserMax: number;
  /** Of the answers kept for one user. */
  readonly bytesPerUserMax: number;
  /** Of all answers kept. */
  readonly bytesMax: number;
}

interface Known {
  readonly call: KeyedCall;
  readonly ended: PromiseWithResolvers<Answer | undefined>;
  endedMs: number | undefined;
  byteLength: number;
}

interface Use {
  calls: number;
  byteLength: number;
}

export class KeyedCalls {
  readonly #limits: KeyedLimits;
  /** Those that have ended in the order of their ends, and before and between them those that run. */
  readonly #known = new Map<string, Known>();
  readonly #users = new Map<UserName, Use>();
  #byteLength = 0;

  constructor(limits: KeyedLimits) {
    this.#limits = limits;
  }

  /**
   * Nothing: the call is to be run, and `end` to be told. Else what became, or becomes, of the one before, which is
   * nothing when that is to be run again.
   * @throws FaasmError `idempotency_key_reused`, `too_many_requests`
   */
  begin(call: KeyedCall, nowMs: number): Promise<Answer | undefined> | undefined {
    this.#forgetOld(nowMs);
    const id = idOf(call);
    const known = this.#known.get(id);
    if (known !== undefined) {
      if (known.call.fingerprint === call.fingerprint) return known.ended.promise;
      throw keyReused(call.key);
    }
    const use = this.#users.get(call.user) ?? { calls: 0, byteLength: 0 };
    if (use.calls >= this.#limits.perUserMax && !this.#forgetOne(call.user)) {
      const why = `${call.user} has ${use.calls} calls with an idempotency key under way, which is the most; wait for some`;
      throw new FaasmError('too_many_requests', why, { details: { retryAfterMs: 1000 } });
    }
    use.calls++;
    this.#users.set(call.user, use);
    this.#known.set(id, { call, ended: Promise.withResolvers(), endedMs: undefined, byteLength: 0 });
    return undefined;
  }

  /** @param answer nothing where the call may be run again */
  end(call: KeyedCall, answer: Answer | undefined, nowMs: number): void {
    const id = idOf(call);
    const known = this.#known.get(id);
    if (known === undefined) return;
    known.ended.resolve(answer);
    this.#known.delete(id);
    if (answer === undefined) {
      this.#release(known);
      return;
    }
    const use = this.#users.get(call.user)!;
    known.endedMs = nowMs;
    known.byteLength = answer.body.length;
    use.byteLength += known.byteLength;
    this.#byteLength += known.byteLength;
    this.#known.set(id, known);
    while (use.byteLength > this.#limits.bytesPerUserMax && this.#forgetOne(call.user));
    while (this.#byteLength > this.#limits.bytesMax && this.#forgetOne());
  }

  #forgetOld(nowMs: number): void {
    for (const [id, known] of this.#known) {
      if (known.endedMs === undefined) continue;
      if (nowMs - known.endedMs < this.#limits.keptMs) return;
      this.#known.delete(id);
      this.#release(known);
    }
  }

  /** The one that ended first, of this user where one is named. */
  #forgetOne(user?: UserName): boolean {
    for (const [id, known] of this.#known) {
      if (known.endedMs === undefined || (user !== undefined && known.call.user !== user)) continue;
      this.#known.delete(id);
      this.#release(known);
      return true;
    }
    return false;
  }

  #release({ call: { user }, byteLength }: Known): void {
    const use = this.#users.get(user)!;
    use.calls--;
    use.byteLength -= byteLength;
    this.#byteLength -= byteLength;
    if (use.calls === 0) this.#users.delete(user);
  }
}

function idOf({ user, function: name, key }: KeyedCall): string {
  return `${user}/${name}/${key}`;
}
