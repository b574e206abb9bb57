/** Quotas: how large a value may be, and all values of a user together. Pure; changed in place. */
import { FaasmError } from '../../../proto/errors.ts';
import type { UserName } from '../../../proto/names.ts';
import { showName } from './value-name.ts';

export interface QuotaLimits {
  readonly valueMaxBytes: number;
  /** Of all values of a user: those in memory by their room, the others by their size, uploads by what has come. */
  readonly userMaxBytes: number;
}

export interface Quota {
  readonly limits: QuotaLimits;
  readonly users: Map<UserName, number>;
}

export function createQuota(limits: QuotaLimits): Quota {
  return { limits, users: new Map() };
}

/** Whether the user's bytes are known; until they are, nothing can be charged. */
export function isKnown(quota: Quota, user: UserName): boolean {
  return quota.users.has(user);
}

/** What the user has at the start. */
export function learn(quota: Quota, user: UserName, bytes: number): void {
  if (!quota.users.has(user)) quota.users.set(user, bytes);
}

/**
 * Adds to, or takes from, what the user has.
 * @param valueBytes how large the value becomes
 * @returns why not, when it would be too much; nothing is charged then
 */
export function charge(
  quota: Quota,
  user: UserName,
  name: string,
  addedBytes: number,
  valueBytes: number,
): FaasmError | undefined {
  const used = quota.users.get(user) ?? 0;
  const { valueMaxBytes, userMaxBytes } = quota.limits;
  if (valueBytes > valueMaxBytes) {
    return tooLarge(
      `State ${showName(name)} has at most ${valueMaxBytes} bytes, not ${valueBytes}; raise FAASM_STATE_MAX_BYTES`,
    );
  }
  if (addedBytes > 0 && used + addedBytes > userMaxBytes) {
    return tooLarge(
      `State ${showName(name)} needs ${addedBytes} bytes more and user ${user} has ${used} of ${userMaxBytes}; ` +
        'delete some, or raise FAASM_STATE_PER_USER_MAX_BYTES',
    );
  }
  account(quota, user, addedBytes);
  return undefined;
}

/** The same for what has happened and cannot be refused. */
export function account(quota: Quota, user: UserName, addedBytes: number): void {
  quota.users.set(user, Math.max(0, (quota.users.get(user) ?? 0) + addedBytes));
}

function tooLarge(message: string): FaasmError {
  return new FaasmError('too_large', message, { details: { component: 'state' } });
}
