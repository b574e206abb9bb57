/**
 * What guests ask of their host: which service, which of its operations, and a body. The user is of the call that asks,
 * which the guest does not name. An actor that serves guests answers here; nobody between knows what is asked.
 *
 *   guest -> its executor -> (its port) -> `ask.<service>.<op>.<user>` inside -> the actor
 */
import { toUserName, type UserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { tokensAfter } from '../../proto/subjects.ts';
import type { Bus, Subscription } from '../bus/port.ts';
import { answerInside, askInside, createTopic } from '../bus/private.ts';
import type { AskHost } from '../guest/port.ts';

const askTopic = createTopic<unknown, unknown>('ask');

export function createAskHost(privateBus: Bus): AskHost {
  return (service, op, user, body) =>
    askInside(privateBus, privateSubjects.ask(service, op, user), askTopic, body);
}

/** @param find what to answer; when it throws, that is the answer */
export function answerGuests<Body>(
  privateBus: Bus,
  service: string,
  op: string,
  find: (user: UserName, body: Body) => unknown,
): Subscription {
  return answerInside(privateBus, privateSubjects.ask(service, op, '*'), askTopic, (body, { subject }) => {
    const [user = ''] = tokensAfter(subject, 3);
    return find(toUserName(user), body as Body);
  });
}
