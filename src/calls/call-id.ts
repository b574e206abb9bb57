import type { CallId, UserName } from '../../proto/names.ts';
import type { Random } from '../power/port.ts';
import { createRandomIds } from '../random-ids.ts';

/** Makes ids that nobody else makes or guesses. */
export function createCallIds(random: Random): (user: UserName) => CallId {
  const newSecret = createRandomIds(random);
  return (user) => `${user}-${newSecret()}` as CallId;
}
