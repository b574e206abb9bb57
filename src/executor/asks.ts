/** What guests ask of services of the host, carried to their actors and back. */
import { toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { StateKey, UserName } from '../../proto/names.ts';
import { type ObjectOp, privateSubjects, type TierOp } from '../../proto/private-subjects.ts';
import type { Bus } from '../bus/port.ts';
import { askInside, type Topic } from '../bus/private.ts';
import { type ObjectRequest, objectsTopic } from '../objects/messages.ts';
import { tierTopics } from '../state/tier/messages.ts';
import type { FromExecutor, ToExecutor } from './messages.ts';

type Question = Extract<FromExecutor, { type: 'ask' }>;
type Answer = Extract<ToExecutor, { type: 'answer' | 'failure' }>;

const services: Readonly<
  Record<string, (privateBus: Bus, op: string, user: UserName, body: unknown) => Promise<unknown>>
> = {
  state(privateBus, op, user, body) {
    const { key, value } = body as { readonly key: StateKey; readonly value: unknown };
    const topic: Topic<unknown, unknown> = tierTopics[op as TierOp];
    return askInside(privateBus, privateSubjects.tier(op as TierOp, user, key), topic, value);
  },

  objects: (privateBus, op, user, body) =>
    askInside(privateBus, privateSubjects.objects(op as ObjectOp, user), objectsTopic, body as ObjectRequest),
};

export async function answerExecutor(
  privateBus: Bus,
  { ask, service, op, user, body }: Question,
): Promise<Answer> {
  try {
    return { type: 'answer', ask, value: await services[service]!(privateBus, op, user, body) };
  } catch (thrown) {
    return { type: 'failure', ask, error: toCallError(FaasmError.from(thrown)) };
  }
}
