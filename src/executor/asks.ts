/** What an executor asks of state and of objects, carried to the actor and back. */
import { toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Bus, type Codec, Encodable, readBody } from '../bus/port.ts';
import { objectAnswerCodec, objectRequestCodec } from '../objects/messages.ts';
import { stateCodecs } from '../state/tier/messages.ts';
import type { FromExecutor, ToExecutor } from './messages.ts';

type StateQuestion = Extract<FromExecutor, { type: 'ask' }>;
type ObjectsQuestion = Extract<FromExecutor, { type: 'askObjects' }>;
type Answer = Extract<ToExecutor, { type: 'answer' | 'failure' }>;

export async function answerExecutor(
  bus: Bus,
  subjects: Subjects,
  question: StateQuestion | ObjectsQuestion,
): Promise<Answer> {
  const { ask } = question;
  try {
    const value =
      question.type === 'ask'
        ? await askState(bus, subjects, question)
        : await askObjects(bus, subjects, question);
    return { type: 'answer', ask, value };
  } catch (thrown) {
    return { type: 'failure', ask, error: toCallError(FaasmError.from(thrown)) };
  }
}

async function askState(
  bus: Bus,
  subjects: Subjects,
  { op, user, key, value }: StateQuestion,
): Promise<unknown> {
  const codec: { request: Codec<unknown>; answer: Codec<unknown> } = stateCodecs[op];
  const request = new Encodable(value, codec.request);
  const answer = await bus.request(subjects.state(op, user, key), request, { timeoutMs: 0 });
  return readBody(expectAnswer(answer), codec.answer);
}

async function askObjects(
  bus: Bus,
  subjects: Subjects,
  { op, user, request }: ObjectsQuestion,
): Promise<unknown> {
  const question = new Encodable(request, objectRequestCodec);
  const answer = await bus.request(subjects.objects(op, user), question, { timeoutMs: 0 });
  return readBody(expectAnswer(answer), objectAnswerCodec);
}
