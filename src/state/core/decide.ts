/**
 * The state actor's core: who holds which lock, which uploads are under way, what a user may still store, and when
 * changed values are pushed. Pure: time comes in the message, what is to be done goes out as effects.
 * The state is the actor's own record; `decide` changes it in place and returns the effects in order.
 */
import {
  createLockTable,
  decideLocks,
  type LockEffect,
  type LockLimits,
  type LockMessage,
  type LockTable,
} from './locks.ts';
import {
  createPushSchedule,
  decidePushes,
  type PushEffect,
  type PushLimits,
  type PushMessage,
  type PushSchedule,
} from './pushes.ts';
import { account, charge, createQuota, type Quota, type QuotaLimits } from './quota.ts';
import {
  createUploadTable,
  decideUploads,
  type UploadEffect,
  type UploadLimits,
  type UploadMessage,
  type UploadPart,
  type UploadTable,
  uploadedBytes,
} from './uploads.ts';

export type StateLimits = LockLimits & UploadLimits & QuotaLimits & PushLimits;

export interface StateCore {
  readonly locks: LockTable;
  readonly uploads: UploadTable;
  readonly quota: Quota;
  readonly pushes: PushSchedule;
}

/** @param nowMs also what fencing numbers begin after: they grow across restarts */
export function createStateCore(limits: StateLimits, nowMs: number): StateCore {
  return {
    locks: createLockTable(limits, Math.ceil(nowMs * 1000)),
    uploads: createUploadTable(limits),
    quota: createQuota(limits),
    pushes: createPushSchedule(limits),
  };
}

export type StateMessage = LockMessage | UploadMessage | PushMessage;
export type StateEffect = LockEffect | UploadEffect | PushEffect;

export function decide(core: StateCore, message: StateMessage): StateEffect[] {
  switch (message.type) {
    case 'lock':
    case 'unlock':
    case 'ownerGone':
      return decideLocks(core.locks, message);
    case 'part':
      return decideUploads(core.uploads, message).flatMap((effect) => chargePart(core, message, effect));
    case 'uploadEnded':
      account(core.quota, message.user, -uploadedBytes(core.uploads, message.user, message.upload));
      return decideUploads(core.uploads, message);
    case 'dirtied':
    case 'pushed':
      return decidePushes(core.pushes, message);
    case 'tick':
      return [
        ...decideLocks(core.locks, message),
        ...decideUploads(core.uploads, message).map((effect) => refund(core, effect)),
        ...decidePushes(core.pushes, message),
      ];
  }
}

/** Nothing will happen by the passing of time alone. */
export function isIdle({ locks, uploads, pushes }: StateCore): boolean {
  return locks.locks.size === 0 && uploads.users.size === 0 && pushes.due.size === 0;
}

/** An upload that does not fit its user's quota ends there. */
function chargePart(core: StateCore, part: UploadPart, effect: UploadEffect): UploadEffect[] {
  if (effect.type !== 'stage') return [effect];
  const { user, upload } = part;
  const bytes = uploadedBytes(core.uploads, user, upload);
  const error = charge(core.quota, user, `${user}/upload:${upload}`, effect.addedBytes, bytes);
  if (error === undefined) return [effect];
  account(core.quota, user, effect.addedBytes - bytes);
  decideUploads(core.uploads, { type: 'uploadEnded', user, upload });
  return [
    { type: 'discard', user, upload, bytes: 0 },
    { type: 'refuse', error },
  ];
}

function refund(core: StateCore, effect: UploadEffect): UploadEffect {
  if (effect.type === 'discard') account(core.quota, effect.user, -effect.bytes);
  return effect;
}
