/**
 * What one running call has: its user, its input, the output so far, its chained calls.
 * One context belongs to one Faaslet and is begun anew for each call.
 */
import type { RequestHead } from '../../proto/call.ts';
import type { CallArguments } from '../../proto/function-settings.ts';
import type { UserName } from '../../proto/names.ts';
import { type ChainInputLimits, Chains, type Dispatch } from './chain/chains.ts';
import { HeldBytes, type HeldMemory } from './held-bytes.ts';
import { CallOutput, type OutputLimits } from './io/call-output.ts';

export interface CallLimits extends ChainInputLimits, OutputLimits {}

export interface CallSettings {
  readonly user: UserName;
  readonly input: Uint8Array;
  /** Nothing for most calls. */
  readonly given?: CallArguments | undefined;
  /** What a CGI program is asked, where the call came as a request. */
  readonly request?: RequestHead | undefined;
  /** The place in the table of what is called; nothing for the entry. */
  readonly pointer?: number | undefined;
  readonly dispatch: Dispatch;
}

const empty = new Uint8Array(0);

export class CallContext {
  readonly output: CallOutput;
  readonly chains: Chains;
  readonly #held: HeldBytes;
  user = '' as UserName;
  input: Uint8Array = empty;

  constructor(limits: CallLimits, memory?: HeldMemory) {
    this.#held = new HeldBytes(memory);
    this.output = new CallOutput(limits, this.#held);
    this.chains = new Chains(limits, this.#held);
  }

  begin({ user, input, dispatch }: CallSettings): void {
    this.user = user;
    this.input = input;
    this.chains.begin(dispatch);
  }

  /** Forgets the call: what still waits is never answered. */
  reset(): void {
    this.input = empty;
    this.output.reset();
    this.chains.reset();
    this.#held.reset();
  }
}
