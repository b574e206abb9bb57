/**
 * What the local tiers of executors ask of the state actor, one function an operation, and what is done when an
 * executor is gone.
 */
import type { StateKey, UserName } from '../../../proto/names.ts';
import { answerGuests } from '../../asks/asks.ts';
import { type Bus, emptyBody, type Subscription } from '../../bus/port.ts';
import type { LockRequests } from '../core/lock-requests.ts';
import { nameOf } from '../core/value-name.ts';
import type { StateStore } from '../stores/port.ts';
import type { OpenAnswer, TierAsk, TierAsks, TierOp } from './messages.ts';
import type { MutexOwners } from './mutex-owners.ts';
import type { Segment } from './segment.ts';
import type { Values } from './values.ts';

type TierHandlers = {
  readonly [Op in TierOp]: (
    user: UserName,
    key: StateKey,
    value: TierAsks[Op]['ask'],
  ) => Promise<TierAsks[Op]['answer']>;
};

export interface TierOptions {
  readonly privateBus: Bus;
  readonly store: StateStore;
  readonly values: Values;
  readonly locks: LockRequests;
  readonly owners: MutexOwners;
  readonly lockWaitMaxMs: number;
  /** A value has something to push. */
  readonly onDirty: (name: string) => void;
}

export function answerTier({
  privateBus,
  store,
  values,
  locks,
  owners,
  lockWaitMaxMs,
  onDirty,
}: TierOptions): Subscription[] {
  const { exclusive, immutable } = store;
  const handlers: TierHandlers = {
    async open(user, key, request) {
      return toOpenAnswer(request.owner, await values.open(user, key, request));
    },

    async resize(user, key, { owner, roomBytes }) {
      return toOpenAnswer(owner, await values.resize(user, key, roomBytes));
    },

    async read(user, key, { offset, length }) {
      const { sizeBytes = 0, bytes = emptyBody } = (await values.read(user, key, offset, length)) ?? {};
      return { sizeBytes, bytes };
    },

    async write(user, key, { place, bytes, fence }) {
      await values.write(user, key, place, bytes, fence === undefined ? {} : { fence });
      return null;
    },

    async push(user, key, { wait }) {
      if (wait) await values.push(user, key);
      else onDirty(nameOf(user, key));
      return null;
    },

    async lock(user, key, request) {
      const name = nameOf(user, key);
      const waitMs = Math.min(request.waitMs, lockWaitMaxMs);
      const grant = await locks.lock(name, { ...request, waitMs });
      try {
        // Whoever has it reads what was written under it before, on any host.
        if (!exclusive) await values.refreshNamed(name);
        return grant;
      } catch (error) {
        // Who asked does not know that it was granted, and would not give it back.
        await locks.unlock(name, request.owner).catch(() => {});
        throw error;
      }
    },

    async unlock(user, key, { owner }) {
      const name = nameOf(user, key);
      try {
        if (!exclusive) await values.settle(name);
      } finally {
        await locks.unlock(name, owner);
      }
      return null;
    },
  };

  return Object.entries(handlers).map(([op, handler]) =>
    answerGuests(privateBus, 'state', op, (user, { key, value }: TierAsk) =>
      handler(user, key, value as never),
    ),
  );

  function toOpenAnswer(owner: string, opened: Segment | 'direct' | undefined): OpenAnswer {
    const direct = opened === 'direct';
    const segment = direct ? undefined : opened;
    return { segment, direct, mutexOwner: owners.numberOf(owner), exclusive, immutable };
  }
}
