/**
 * State.
 *
 * In:   `state.<op>.<user>.<key>`; inside, `state` of executors' local tiers, and `executor.gone`
 * Out:  answers; inside, `state.status`: what is not saved yet
 * Owns: the local tier's segments, the locks, and the way to the global tier
 * Never: runs a guest, or lets two hosts share memory
 *
 * `get`, `set` and `append` carry raw bytes, with what else there is to say in headers; the rest is as in
 * src/state/tier/messages.ts. Every change is answered when it is durable. What is decided about locks, uploads, quotas and
 * pushes is in src/state/core/decide.ts; here it is done.
 */
import { FaasmError } from '../proto/errors.ts';
import type { StateStatus } from '../proto/messages.ts';
import { fromStateToken, type HostId, type StateKey, toUserName, type UserName } from '../proto/names.ts';
import { privateSubjects, type TierOp, tierOps } from '../proto/private-subjects.ts';
import { type PublicSubjects, type StateOp, stateOps } from '../proto/public-subjects.ts';
import { tokensAfter } from '../proto/subjects.ts';
import {
  type Bus,
  type BusMessage,
  Encodable,
  emptyBody,
  readBody,
  respond,
  toBytes,
} from '../src/bus/port.ts';
import { answerInside, type Topic } from '../src/bus/private.ts';
import {
  readCondition,
  readOffset,
  readPart,
  readUpload,
  respondPart,
  toVersionHeaders,
} from '../src/bus/resource-headers.ts';
import { serve } from '../src/bus/serve.ts';
import type { Log } from '../src/log.ts';
import type { Powers, Timer } from '../src/power/port.ts';
import { toWriteCondition } from '../src/state/core/condition.ts';
import type { StateConfig } from '../src/state/core/config.ts';
import {
  createStateCore,
  decide,
  isIdle,
  type StateEffect,
  type StateMessage,
} from '../src/state/core/decide.ts';
import { GlobalLocks } from '../src/state/core/global-locks.ts';
import { LockRequests } from '../src/state/core/lock-requests.ts';
import { isHeld } from '../src/state/core/locks.ts';
import { countPushes } from '../src/state/core/pushes.ts';
import { nameOf, showValue } from '../src/state/core/value-name.ts';
import type { StateStore, StoredValue, WriteCondition } from '../src/state/stores/port.ts';
import { type OpenAnswer, stateCodecs, stateStatusCodec, tierTopics } from '../src/state/tier/messages.ts';
import { MutexOwners } from '../src/state/tier/mutex-owners.ts';
import {
  type AllocateData,
  allocateShared,
  type Segment,
  type SegmentData,
} from '../src/state/tier/segment.ts';
import { Staging } from '../src/state/tier/staging.ts';
import { Values, type WritePlace } from '../src/state/tier/values.ts';
import { executorGoneCodec } from '../src/worker-pool/messages.ts';

export interface StateOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly host: HostId;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  /** Closed by whoever opened it, after `stop`. */
  readonly store: StateStore;
  readonly config: StateConfig;
  readonly log: Log;
  /** Where the bytes of values are. @default plain shared memory */
  readonly allocate?: AllocateData;
  /** Takes back what `allocate` gave, when no executor uses it any more. */
  readonly release?: (data: SegmentData) => void;
}

export interface StateActor {
  /**
   * Takes no more messages, ends what is under way and pushes what is dirty: each value once, and again for so long.
   * @throws FaasmError `storage_unavailable`
   */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** How often leases, waits and pushes that are due are looked for, while there are any. */
const tickMs = 25;
/** How often it says what is not saved yet. */
const tellMs = 1000;

interface Request {
  readonly message: BusMessage;
  readonly user: UserName;
  readonly key: StateKey;
}

type TierHandler<T> =
  T extends Topic<infer Question, infer Answer>
    ? (user: UserName, key: StateKey, value: Question) => Promise<Answer>
    : never;

export async function startState(options: StateOptions): Promise<StateActor> {
  const { powers, bus, privateBus, subjects, store, config, log } = options;
  const { clock, timers } = powers;
  const { allocate = allocateShared, release = () => {} } = options;
  const core = createStateCore(config, clock.steadyMs());
  const values = new Values({
    powers,
    store,
    fenceOf: (name) => globalLocks?.fenceOf(name),
    isHeld: (name, fence) => isHeld(core.locks, name, fence, clock.steadyMs()),
    quota: core.quota,
    residentMaxBytes: config.residentMaxBytes,
    allocate,
    release,
    onDirty: (name) => step({ type: 'dirtied', name, nowMs: clock.steadyMs() }),
  });
  const staging = new Staging({ core, store, values });
  const owners = new MutexOwners();
  const globalLocks =
    store.locks &&
    new GlobalLocks({
      powers,
      store: store.locks,
      host: options.host,
      leaseMs: config.lockLeaseMs,
      onLost: (name, err) =>
        log.warn({ err, name }, 'a lock was lost, or not given back before its lease ends'),
    });
  const locks = new LockRequests({ clock, step, globalLocks });
  let timer: Timer | undefined;
  let telling: Timer | undefined;
  let told = '';
  let stopped = false;

  const handlers: Record<StateOp, (request: Request) => Promise<void>> = {
    async get({ message, user, key }) {
      const { offset, length } = readPart(message, bus);
      const found = await values.read(user, key, offset, length);
      if (found === undefined) throw notFound(user, key);
      respondPart(bus, message, { what: `State ${showValue(user, key)}`, ...found });
    },

    async set(request) {
      const { message, user, key } = request;
      const condition = conditionOf(request);
      const offset = readOffset(message);
      const upload = readUpload(message);
      const bytes = toBytes(message.body);
      if (upload !== undefined) {
        const { id, commitBytes } = upload;
        const part = { user, upload: id, offset, commitBytes, bytes, nowMs: clock.steadyMs() };
        const staged = staging.part(key, part, condition);
        arm();
        answerValue(request, await staged);
        return;
      }
      const place: WritePlace = offset === undefined ? 'whole' : { offset };
      answerValue(request, await values.write(user, key, place, bytes, condition));
    },

    async append(request) {
      const { message, user, key } = request;
      const bytes = toBytes(message.body);
      answerValue(request, await values.write(user, key, 'end', bytes, conditionOf(request)));
    },

    async delete(request) {
      const { message, user, key } = request;
      await values.delete(user, key, conditionOf(request));
      respond(bus, message, new Encodable(null, stateCodecs.delete.answer));
    },

    async size(request) {
      const found = await values.describe(request.user, request.key);
      if (found === undefined) throw notFound(request.user, request.key);
      answerValue(request, found);
    },

    async list({ message, user }) {
      const { after, limit } = readBody(message, stateCodecs.list.request);
      const list = await values.list(user, after, limit);
      respond(bus, message, new Encodable(list, stateCodecs.list.answer));
    },
  };

  /** What the local tiers of executors ask. */
  const tierHandlers: { [Op in TierOp]: TierHandler<(typeof tierTopics)[Op]> } = {
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
      else step({ type: 'dirtied', name: nameOf(user, key), nowMs: clock.steadyMs() });
      return null;
    },

    async lock(user, key, request) {
      const name = nameOf(user, key);
      const waitMs = Math.min(request.waitMs, config.lockWaitMaxMs);
      const grant = await locks.lock(name, { ...request, waitMs });
      // Whoever has it reads what was written under it before, on any host.
      if (!store.exclusive) await values.refreshNamed(name);
      return grant;
    },

    async unlock(user, key, { owner }) {
      try {
        if (!store.exclusive) await values.settle(nameOf(user, key));
      } finally {
        await locks.unlock(nameOf(user, key), owner);
      }
      return null;
    },
  };

  function toOpenAnswer(owner: string, opened: Segment | 'direct' | undefined): OpenAnswer {
    const { exclusive, immutable } = store;
    const direct = opened === 'direct';
    return {
      segment: direct ? undefined : opened,
      direct,
      mutexOwner: owners.numberOf(owner),
      exclusive,
      immutable,
    };
  }

  function answerValue({ message, key }: Request, value: StoredValue): void {
    const { sizeBytes, version } = value;
    const description = new Encodable({ key, sizeBytes, version }, stateCodecs.set.answer);
    respond(bus, message, description, toVersionHeaders(value));
  }

  function serveTier(op: TierOp) {
    const topic: Topic<unknown, unknown> = tierTopics[op];
    const handler = tierHandlers[op] as TierHandler<typeof topic>;
    return answerInside(privateBus, privateSubjects.tier(op, '*', '*'), topic, (value, message) => {
      const { user, key } = targetOf(message);
      return handler(user, key, value);
    });
  }

  function onExecutorGone(message: BusMessage): void {
    const { owner } = readBody(message, executorGoneCodec);
    const held = globalLocks?.heldBy(owner) ?? [];
    if (held.length === 0) freeLocks(owner);
    // What it has written under its locks goes out under them still.
    else void Promise.allSettled(held.map((name) => values.settle(name))).then(() => freeLocks(owner));
    const mutexOwner = owners.forget(owner);
    if (mutexOwner === undefined) return;
    values.residents.ownerGone(mutexOwner);
    // It may have ended between its last write and telling of it.
    for (const name of values.residents.dirty()) step({ type: 'dirtied', name, nowMs: clock.steadyMs() });
  }

  function freeLocks(owner: string): void {
    step({ type: 'ownerGone', owner, nowMs: clock.steadyMs() });
    globalLocks?.ownerGone(owner);
  }

  function step(message: StateMessage): void {
    for (const effect of decide(core, message)) apply(effect);
    arm();
    telling ??= timers.after(tellMs, tell).unref();
  }

  /** Says what is not saved, where that is not what was said before. */
  function tell(): void {
    telling = undefined;
    const { waiting, failing } = countPushes(core.pushes);
    const status: StateStatus = { unpushedValues: waiting, failingValues: failing };
    const text = JSON.stringify(status);
    if (text === told || stopped) return;
    told = text;
    privateBus.tell(privateSubjects.stateStatus(), new Encodable(status, stateStatusCodec));
  }

  function apply(effect: StateEffect): void {
    switch (effect.type) {
      case 'granted':
      case 'unlocked':
      case 'refused':
        locks.settle(effect);
        return;
      case 'push':
        void push(effect.name);
        return;
      case 'discard':
        store.discard(effect.user, effect.upload).catch((err) => log.warn({ err }, 'upload not discarded'));
        return;
      default:
        return;
    }
  }

  async function push(name: string): Promise<void> {
    let ok = true;
    try {
      await values.pushNamed(name);
    } catch (err) {
      ok = false;
      log.warn({ err, name }, 'state not pushed; trying again');
    }
    step({ type: 'pushed', name, ok, nowMs: clock.steadyMs() });
  }

  /** Looks again soon, while anything happens by the passing of time. */
  function arm(): void {
    if (timer !== undefined || stopped || (isIdle(core) && !values.residents.hasMapped)) return;
    timer = timers.after(tickMs, () => {
      timer = undefined;
      values.residents.releaseUnmapped();
      step({ type: 'tick', nowMs: clock.steadyMs() });
    });
  }

  await store.watch({
    changed: refresh,
    missed: () => {
      for (const name of values.residents.names()) refresh(name);
    },
  });

  /** So that asynchronous reads see it soon; a synchronous one looks for itself. */
  function refresh(name: string): void {
    values
      .refreshNamed(name)
      .catch((err) => log.debug({ err, name }, 'a change of another host not seen yet'));
  }

  const subscriptions = [
    serve(bus, {
      clock,
      actor: 'state',
      id: options.host,
      description: 'Read, write and lock state',
      endpoints: stateOps.map((op) => ({
        name: op,
        subject: subjects.state(op, '*', '*'),
        handler: (message) => handlers[op]({ message, ...targetOf(message) }),
      })),
      onFailure(error, { subject }) {
        if (error.http >= 500) log.warn({ err: error, subject }, 'state request failed');
      },
    }),
    ...tierOps.map(serveTier),
    privateBus.subscribe(privateSubjects.executorGone(), onExecutorGone),
  ];

  return {
    async stop(drainTimeoutMs) {
      for (const subscription of subscriptions) subscription.unsubscribe();
      stopped = true;
      timers.cancel(timer);
      timers.cancel(telling);
      locks.refuseAll(new FaasmError('draining', 'The host is stopping; ask another one'));
      try {
        await values.pushAll(clock.steadyMs() + drainTimeoutMs);
      } finally {
        await globalLocks?.stop();
      }
    },
  };
}

/** @throws FaasmError `bad_name` */
function targetOf(message: BusMessage): { user: UserName; key: StateKey } {
  const [, user = '', key = ''] = tokensAfter(message.subject, 1);
  return { user: toUserName(user), key: fromStateToken(key) };
}

/** @throws FaasmError `bad_request`, `precondition_failed` */
function conditionOf({ message, user, key }: Request): WriteCondition {
  return toWriteCondition(readCondition(message), nameOf(user, key));
}

function notFound(user: UserName, key: StateKey): FaasmError {
  return new FaasmError('not_found', `No state ${showValue(user, key)}`, { details: { component: 'state' } });
}
