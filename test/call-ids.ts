import { type CallId, toCallId, toUserName } from '../proto/names.ts';

/** A call id that a test can name. */
export function callIdOf(user: string, name: string): CallId {
  return toCallId(`${user}-${name.padEnd(22, '-')}`, toUserName(user));
}
