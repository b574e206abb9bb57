/**
 * State.
 *
 * In:   `state.<op>.<user>.<key>`; `event.executor.gone`
 * Out:  answers; nothing of its own accord
 * Owns: the local tier's segments, the locks, and the way to the global tier
 * Never: runs a guest, or lets two hosts share memory: what `open` answers is for this process
 *
 * `get`, `set` and `append` carry raw bytes, with what else there is to say in headers; the rest is msgpack, see
 * src/state/messages.ts. Every change is answered when it is durable. What is decided about locks, uploads, quotas and
 * pushes is in src/state/decide.ts; here it is done.
 */
import { FaasmError } from '../proto/errors.ts';
import { fromStateToken, type HostId, type StateKey, toUserName, type UserName } from '../proto/names.ts';
import { type StateOp, type Subjects, stateOps, tokensAfter } from '../proto/subjects.ts';
import { respondError } from '../src/bus/error-headers.ts';
import { type Bus, type BusMessage, Encodable, readBody, respond, toBytes } from '../src/bus/port.ts';
import { serve } from '../src/bus/serve.ts';
import type { Log } from '../src/log.ts';
import type { StateConfig } from '../src/state/config.ts';
import { createStateCore, decide, isIdle, type StateEffect, type StateMessage } from '../src/state/decide.ts';
import { stateCodecs } from '../src/state/messages.ts';
import { MutexOwners } from '../src/state/mutex-owners.ts';
import type { StateStore, StoredValue } from '../src/state/port.ts';
import {
  readCondition,
  readLength,
  readOffset,
  readUpload,
  toValueHeaders,
} from '../src/state/request-headers.ts';
import { type AllocateData, allocateShared, type SegmentData } from '../src/state/segment.ts';
import { Staging } from '../src/state/staging.ts';
import { nameOf, showValue } from '../src/state/value-name.ts';
import { Values, type WritePlace } from '../src/state/values.ts';
import { executorGoneCodec } from '../src/worker-pool/messages.ts';

export interface StateOptions {
  readonly host: HostId;
  readonly bus: Bus;
  readonly subjects: Subjects;
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
  /** Takes no more messages, ends what is under way and pushes what is dirty. @throws FaasmError `storage_unavailable` */
  stop(): Promise<void>;
}

/** How often leases, waits and pushes that are due are looked for, while there are any. */
const tickMs = 25;
/** Of the largest message, what an answer's headers may take. */
const headersMaxBytes = 4096;

interface Request {
  readonly message: BusMessage;
  readonly user: UserName;
  readonly key: StateKey;
}

export async function startState(options: StateOptions): Promise<StateActor> {
  const { bus, subjects, store, config, log, allocate = allocateShared, release = () => {} } = options;
  const core = createStateCore(config, Date.now());
  const values = new Values({
    store,
    quota: core.quota,
    residentMaxBytes: config.residentMaxBytes,
    allocate,
    release,
    onDirty: (name) => step({ type: 'dirtied', name, nowMs: Date.now() }),
  });
  const staging = new Staging({ core, store, values });
  const owners = new MutexOwners();
  const lockRequests = new Map<number, BusMessage>();
  let lastLockRequest = 0;
  let timer: NodeJS.Timeout | undefined;

  const handlers: Record<StateOp, (request: Request) => Promise<void>> = {
    async get({ message, user, key }) {
      const offset = readOffset(message) ?? 0;
      const length = readLength(message) ?? Number.MAX_SAFE_INTEGER;
      const answerMaxBytes = bus.maxPayloadBytes - headersMaxBytes;
      const found = await values.read(user, key, offset, Math.min(length, answerMaxBytes + 1));
      if (found === undefined) throw notFound(user, key);
      if (offset > found.sizeBytes) {
        throw new FaasmError(
          'range_not_satisfiable',
          `State ${showValue(user, key)} has ${found.sizeBytes} bytes; a range cannot begin at ${offset}`,
        );
      }
      if (found.bytes.length > answerMaxBytes) {
        throw new FaasmError(
          'too_large',
          `State ${showValue(user, key)} has ${found.sizeBytes} bytes and an answer ${answerMaxBytes}; ask for ranges`,
        );
      }
      respond(bus, message, found.bytes, toValueHeaders(found));
    },

    async set(request) {
      const { message, user, key } = request;
      const condition = readCondition(message);
      const offset = readOffset(message);
      const upload = readUpload(message);
      const bytes = toBytes(message.body);
      if (upload !== undefined) {
        const { id, commitBytes } = upload;
        const part = { user, upload: id, offset, commitBytes, bytes, nowMs: Date.now() };
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
      answerValue(request, await values.write(user, key, 'end', bytes, readCondition(message)));
    },

    async delete({ message, user, key }) {
      await values.delete(user, key, readCondition(message));
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

    async open({ message, user, key }) {
      const request = readBody(message, stateCodecs.open.request);
      const segment = await values.open(user, key, request);
      const answer = { segment, mutexOwner: owners.numberOf(request.owner), exclusive: store.exclusive };
      respond(bus, message, new Encodable(answer, stateCodecs.open.answer));
    },

    async resize({ message, user, key }) {
      const { owner, roomBytes } = readBody(message, stateCodecs.resize.request);
      const segment = await values.resize(user, key, roomBytes);
      const answer = { segment, mutexOwner: owners.numberOf(owner), exclusive: store.exclusive };
      respond(bus, message, new Encodable(answer, stateCodecs.resize.answer));
    },

    async push({ message, user, key }) {
      const { wait } = readBody(message, stateCodecs.push.request);
      if (wait) await values.push(user, key);
      else step({ type: 'dirtied', name: nameOf(user, key), nowMs: Date.now() });
      respond(bus, message, new Encodable(null, stateCodecs.push.answer));
    },

    async lock({ message, user, key }) {
      const { owner, mode, leaseMs, waitMs } = readBody(message, stateCodecs.lock.request);
      if (!(message.body instanceof Encodable) && (leaseMs < 1 || leaseMs > config.lockLeaseMaxMs)) {
        throw new FaasmError('bad_request', `leaseMs is 1 to ${config.lockLeaseMaxMs}, not ${leaseMs}`);
      }
      const request = ++lastLockRequest;
      lockRequests.set(request, message);
      step({
        type: 'lock',
        request,
        name: nameOf(user, key),
        owner,
        mode,
        leaseMs,
        waitMs: Math.min(waitMs, config.lockWaitMaxMs),
        nowMs: Date.now(),
      });
    },

    async unlock({ message, user, key }) {
      const { owner } = readBody(message, stateCodecs.unlock.request);
      const request = ++lastLockRequest;
      lockRequests.set(request, message);
      step({ type: 'unlock', request, name: nameOf(user, key), owner, nowMs: Date.now() });
    },
  };

  function answerValue({ message, key }: Request, value: StoredValue): void {
    const { sizeBytes, version } = value;
    const description = new Encodable({ key, sizeBytes, version }, stateCodecs.set.answer);
    respond(bus, message, description, toValueHeaders(value));
  }

  async function onMessage(message: BusMessage): Promise<void> {
    const [op, userToken, keyToken] = tokensAfter(message.subject, 1);
    const handler = stateOps.find((known) => known === op);
    if (handler === undefined) {
      throw new FaasmError('bad_request', `State has no operation ${op}; it has ${stateOps.join(', ')}`);
    }
    const user = toUserName(userToken ?? '');
    await handlers[handler]({ message, user, key: fromStateToken(keyToken ?? '') });
  }

  function onExecutorGone(message: BusMessage): void {
    const { owner } = readBody(message, executorGoneCodec);
    step({ type: 'ownerGone', owner, nowMs: Date.now() });
    const mutexOwner = owners.forget(owner);
    if (mutexOwner === undefined) return;
    values.residents.ownerGone(mutexOwner);
    // It may have ended between its last write and telling of it.
    for (const name of values.residents.dirty()) step({ type: 'dirtied', name, nowMs: Date.now() });
  }

  function step(message: StateMessage): void {
    for (const effect of decide(core, message)) apply(effect);
    arm();
  }

  function apply(effect: StateEffect): void {
    switch (effect.type) {
      case 'granted': {
        const { fence, leaseEndsAtMs } = effect;
        const grant = new Encodable({ fence, leaseEndsAtMs }, stateCodecs.lock.answer);
        answerLock(effect.request, (asked) => respond(bus, asked, grant));
        return;
      }
      case 'unlocked':
        answerLock(effect.request, (asked) =>
          respond(bus, asked, new Encodable(null, stateCodecs.unlock.answer)),
        );
        return;
      case 'refused':
        answerLock(effect.request, (asked) => respondError(bus, asked, effect.error));
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

  function answerLock(request: number, answer: (message: BusMessage) => void): void {
    const message = lockRequests.get(request);
    lockRequests.delete(request);
    if (message !== undefined) answer(message);
  }

  async function push(name: string): Promise<void> {
    let ok = true;
    try {
      await values.pushNamed(name);
    } catch (err) {
      ok = false;
      log.warn({ err, name }, 'state not pushed; trying again');
    }
    step({ type: 'pushed', name, ok, nowMs: Date.now() });
  }

  /** Looks again soon, while anything happens by the passing of time. */
  function arm(): void {
    if (timer !== undefined || stopped || (isIdle(core) && !values.residents.hasMapped)) return;
    timer = setTimeout(() => {
      timer = undefined;
      values.residents.releaseUnmapped();
      step({ type: 'tick', nowMs: Date.now() });
    }, tickMs);
  }

  let stopped = false;
  const subscriptions = [
    serve(bus, {
      actor: 'state',
      id: options.host,
      description: 'Read, write and lock state',
      endpoints: [{ name: 'state', subject: subjects.state('*', '*', '*'), handler: onMessage }],
      onFailure(error, { subject }) {
        if (error.http >= 500) log.warn({ err: error, subject }, 'state request failed');
      },
    }),
    bus.subscribe(subjects.event('executor.gone'), onExecutorGone),
  ];

  return {
    async stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
      stopped = true;
      clearTimeout(timer);
      const draining = new FaasmError('draining', 'The host is stopping; ask another one');
      for (const request of lockRequests.keys())
        answerLock(request, (asked) => respondError(bus, asked, draining));
      await values.pushAll();
    },
  };
}

function notFound(user: UserName, key: StateKey): FaasmError {
  return new FaasmError('not_found', `No state ${showValue(user, key)}`, { details: { component: 'state' } });
}
