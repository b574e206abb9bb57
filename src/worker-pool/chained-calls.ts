/** The calls that calls make: checked against the rules of chaining, sent to the scheduler, counted until they end. */
import type { Call, CallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import { type CallId, type UserName, userOfCall } from '../../proto/names.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Bus, emptyBody, header, toBytes } from '../bus/port.ts';
import { toChainHeaders } from '../calls/invocation.ts';
import type { ChainedCall, ChainedResult } from '../faaslet/host/faasm/call-context.ts';
import type { Catalog } from '../functions/catalog.ts';

export interface ChainedCallsOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly catalog: Catalog;
  /** A call that nobody chained has depth 0. */
  readonly depthMax: number;
  newCallId(user: UserName): CallId;
}

export class ChainedCalls {
  readonly #options: ChainedCallsOptions;
  readonly #children = new Map<CallId, Set<CallId>>();
  #pending = 0;

  constructor(options: ChainedCallsOptions) {
    this.#options = options;
  }

  /** Chained calls that have not ended. */
  get pending(): number {
    return this.#pending;
  }

  /** Why none of these calls can be made, if one of them cannot. */
  refusal(parent: Call, calls: readonly ChainedCall[]): CallError | undefined {
    const { catalog, depthMax } = this.#options;
    const name = `${parent.user}/${parent.function}`;
    if (parent.depth >= depthMax) {
      return refusal(
        `${name} is chained ${parent.depth} deep, which is the most; raise FAASM_CHAIN_DEPTH_MAX`,
      );
    }
    const unknown = calls.find((call) => catalog.version(parent.user, call.function) === undefined);
    if (unknown === undefined) return undefined;
    const dropped = calls.length === 1 ? '' : `; none of its ${calls.length} chained calls was made`;
    return refusal(
      `${name} chained ${parent.user}/${unknown.function}, and there is no such function${dropped}`,
    );
  }

  /**
   * Makes one call; its result, where a failure is a nonzero return value.
   * A call that its parent waits for has no more time than its parent.
   */
  async make(parent: Call, child: ChainedCall, awaited: boolean): Promise<ChainedResult> {
    const { bus, subjects, newCallId } = this.#options;
    const id = newCallId(parent.user);
    const siblings = this.#children.get(parent.id) ?? new Set();
    this.#children.set(parent.id, siblings.add(id));
    this.#pending++;
    try {
      const subject = subjects.invoke(parent.user, child.function);
      const headers = toChainHeaders(parent, id, awaited, child.pointer);
      const answer = await bus.request(subject, child.input, { headers, timeoutMs: 0 });
      const output = toBytes(expectAnswer(answer).body);
      return { returnValue: Number(header(answer, names.returnValue) ?? 0), output };
    } catch (thrown) {
      const { details, output = emptyBody } = FaasmError.from(thrown);
      return { returnValue: details.returnValue ?? 1, output };
    } finally {
      this.#pending--;
      siblings.delete(id);
      if (siblings.size === 0) this.#children.delete(parent.id);
    }
  }

  /** Nobody waits for the children of this call any more. */
  cancelChildren(parent: CallId): void {
    const { bus, subjects } = this.#options;
    const user = userOfCall(parent);
    for (const id of [...(this.#children.get(parent) ?? [])]) {
      bus.tell(subjects.cancel(user, id), emptyBody);
    }
  }
}

function refusal(message: string): CallError {
  return { code: 'chain_refused', message, details: { component: 'worker-pool' } };
}
