/** A call made by this process itself. */
import type { CallArguments } from '../../proto/function-settings.ts';
import { headers as names } from '../../proto/headers.ts';
import type { CallId, FunctionName, UserName } from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Bus, emptyBody, toBytes } from '../bus/port.ts';
import { toSettingsHeaders } from '../bus/settings-headers.ts';

export interface InvokeOptions extends Partial<CallArguments> {
  /** The longest that it may take, in milliseconds. @default as the host is set, and no more than that */
  readonly timeoutMs?: number;
  /** Cancels it. */
  readonly signal?: AbortSignal;
}

export interface OwnCall {
  readonly id: CallId;
  readonly user: UserName;
  readonly function: FunctionName;
  readonly input: Uint8Array;
  /** The longest that calls may take on this host, in milliseconds. */
  readonly callTimeoutMs: number;
}

/** How much later than the call's own end the bus gives up. */
const answerMarginMs = 10_000;

/** @returns the output @throws FaasmError as the call failed; what the signal was aborted with, where it was before */
export async function invoke(
  bus: Bus,
  subjects: PublicSubjects,
  { id, user, function: fn, input, callTimeoutMs }: OwnCall,
  { timeoutMs = callTimeoutMs, signal, args = [], env = {} }: InvokeOptions,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const limitMs = Math.min(timeoutMs, callTimeoutMs);
  const cancel = (): void => bus.tell(subjects.cancel(user, id), emptyBody);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    const answer = await bus.request(subjects.invoke(user, fn), input, {
      headers: {
        [names.callId]: [id],
        [names.timeout]: [`${limitMs}ms`],
        ...toSettingsHeaders({ args, env }),
      },
      timeoutMs: limitMs + answerMarginMs,
    });
    return toBytes(expectAnswer(answer).body);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
