/** What an executor asks of state, carried to the state actor and back. */
import { toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Bus, type Codec, Encodable, readBody } from '../bus/port.ts';
import type { FromExecutor, ToExecutor } from '../faaslet/executor-messages.ts';
import { stateCodecs } from '../state/messages.ts';

type Ask = Extract<FromExecutor, { type: 'ask' }>;
type Answer = Extract<ToExecutor, { type: 'answer' | 'failure' }>;

export async function askState(
  bus: Bus,
  subjects: Subjects,
  { ask, op, user, key, value }: Ask,
): Promise<Answer> {
  const codec: { request: Codec<unknown>; answer: Codec<unknown> } = stateCodecs[op];
  try {
    const request = new Encodable(value, codec.request);
    const answer = await bus.request(subjects.state(op, user, key), request, { timeoutMs: 0 });
    return { type: 'answer', ask, value: readBody(expectAnswer(answer), codec.answer) };
  } catch (thrown) {
    return { type: 'failure', ask, error: toCallError(FaasmError.from(thrown)) };
  }
}
