/** Which value a message is about: `state.<op>.<user>.<key>`. */
import { fromStateToken, type StateKey, toUserName, type UserName } from '../../proto/names.ts';
import { tokensAfter } from '../../proto/subjects.ts';
import type { BusMessage } from '../bus/port.ts';

/** @throws FaasmError `bad_name` */
export function toTarget(message: BusMessage): { readonly user: UserName; readonly key: StateKey } {
  const [, user = '', key = ''] = tokensAfter(message.subject, 1);
  return { user: toUserName(user), key: fromStateToken(key) };
}
