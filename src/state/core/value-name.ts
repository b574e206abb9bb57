/** A value's name is `user/key`, the key in its token form. */
import { type StateKey, showStateKey, type UserName } from '../../../proto/names.ts';

export const nameOf = (user: UserName, key: StateKey): string => `${user}/${key}`;

/** For messages. */
export const showValue = (user: UserName, key: StateKey): string => `${user}/${showStateKey(key)}`;

/** The same of a value by its name. */
export function showName(name: string): string {
  const slash = name.indexOf('/');
  return showValue(name.slice(0, slash) as UserName, name.slice(slash + 1) as StateKey);
}
