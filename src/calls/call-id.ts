import type { CallId, UserName } from '../../proto/names.ts';
import { createRandomIds } from '../random-ids.ts';

/** Makes ids that nobody else makes or guesses. */
export function createCallIds(): (user: UserName) => CallId {
  const newSecret = createRandomIds();
  return (user) => `${user}-${newSecret()}` as CallId;
}
