/** What an executor asks of state and of objects, carried to the actor and back. */
import { toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import type { Bus } from '../bus/port.ts';
import { askInside, type Topic } from '../bus/private.ts';
import { objectsTopic } from '../objects/messages.ts';
import { tierTopics } from '../state/tier/messages.ts';
import type { FromExecutor, ToExecutor } from './messages.ts';

type Question = Extract<FromExecutor, { type: 'ask' | 'askObjects' }>;
type Answer = Extract<ToExecutor, { type: 'answer' | 'failure' }>;

export async function answerExecutor(privateBus: Bus, question: Question): Promise<Answer> {
  const { ask } = question;
  try {
    return { type: 'answer', ask, value: await find(privateBus, question) };
  } catch (thrown) {
    return { type: 'failure', ask, error: toCallError(FaasmError.from(thrown)) };
  }
}

function find(privateBus: Bus, question: Question): Promise<unknown> {
  if (question.type === 'ask') {
    const { op, user, key, value } = question;
    const topic: Topic<unknown, unknown> = tierTopics[op];
    return askInside(privateBus, privateSubjects.tier(op, user, key), topic, value);
  }
  const { op, user, request } = question;
  return askInside(privateBus, privateSubjects.objects(op, user), objectsTopic, request);
}
