import { randomBytes } from 'node:crypto';
import type { CallId } from '../../proto/names.ts';

/** Makes ids that no other process makes: 64 random bits for this process, and a counter. */
export function createCallIds(): () => CallId {
  const prefix = randomBytes(8).toString('hex');
  let last = 0;
  return () => `${prefix}-${(++last).toString(36)}` as CallId;
}
