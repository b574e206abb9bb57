/**
 * State.
 *
 * In:   `state.<op>.<user>.<key>`; inside, `ask.state` of executors' local tiers, and `executor.gone`
 * Out:  answers; inside, `state.status`: what is not saved yet
 * Owns: the local tier's segments, the locks, and the way to the global tier
 * Never: runs a guest, or lets two hosts share memory
 *
 * What is decided about locks, uploads, quotas and pushes is in src/state/core/decide.ts, and done by src/state/steps.ts;
 * what can be asked is in src/state/requests.ts and src/state/tier/asks.ts.
 */
import { FaasmError } from '../proto/errors.ts';
import type { HostId } from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import { type PublicSubjects, stateOps } from '../proto/public-subjects.ts';
import { type Bus, Encodable, readBody } from '../src/bus/port.ts';
import { serve } from '../src/bus/serve.ts';
import type { Log } from '../src/log.ts';
import type { Powers } from '../src/power/port.ts';
import type { StateConfig } from '../src/state/core/config.ts';
import { createStateCore } from '../src/state/core/decide.ts';
import { LockRequests } from '../src/state/core/lock-requests.ts';
import { isHeld } from '../src/state/core/locks.ts';
import { createRequests } from '../src/state/requests.ts';
import { Steps } from '../src/state/steps.ts';
import type { StateStore } from '../src/state/stores/port.ts';
import { toTarget } from '../src/state/target.ts';
import { answerTier } from '../src/state/tier/asks.ts';
import { stateStatusCodec } from '../src/state/tier/messages.ts';
import { MutexOwners } from '../src/state/tier/mutex-owners.ts';
import { ownerGone } from '../src/state/tier/owner-gone.ts';
import { saveAll } from '../src/state/tier/save-all.ts';
import { type AllocateData, allocateShared, type SegmentData } from '../src/state/tier/segment.ts';
import { Staging } from '../src/state/tier/staging.ts';
import { Values } from '../src/state/tier/values.ts';
import { Unsaved } from '../src/state/unsaved.ts';
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

export async function startState(options: StateOptions): Promise<StateActor> {
  const { powers, host, bus, privateBus, subjects, store, config, log } = options;
  const { allocate = allocateShared, release = () => {} } = options;
  const { clock, timers } = powers;
  const core = createStateCore(config, clock.steadyMs());
  const locks = new LockRequests({
    powers,
    host,
    store: store.locks,
    leaseMs: config.lockLeaseMs,
    log,
    step: (message) => steps.take(message),
  });
  const onDirty = (name: string): void => steps.dirtied(name);
  const values = new Values({
    powers,
    store,
    quota: core.quota,
    residentMaxBytes: config.residentMaxBytes,
    fenceOf: (name) => locks.fenceOf(name),
    isHeld: (name, fence) => isHeld(core.locks, name, fence, clock.steadyMs()),
    allocate,
    release,
    onDirty,
  });
  const unsaved = new Unsaved(timers, core.pushes, (status) =>
    privateBus.tell(privateSubjects.stateStatus(), new Encodable(status, stateStatusCodec)),
  );
  const steps = new Steps({ powers, core, store, values, locks, log, onStep: () => unsaved.look() });
  const staging = new Staging({ clock, decide: (message) => steps.decide(message), store, values });
  const requests = createRequests({ bus, values, staging });
  const owners = new MutexOwners();

  /** So that asynchronous reads see it soon; a synchronous one looks for itself. */
  const refresh = (name: string): void => {
    const whenNot = (err: unknown): void => log.debug({ err, name }, 'a change of another host not seen yet');
    values.refreshNamed(name).catch(whenNot);
  };
  await store.watch({ changed: refresh, missed: () => values.residents.names().forEach(refresh) });

  const subscriptions = [
    serve(bus, {
      clock,
      actor: 'state',
      id: host,
      description: 'Read, write and lock state',
      endpoints: stateOps.map((op) => ({
        name: op,
        subject: subjects.state(op, '*', '*'),
        handler: (message) => requests[op]({ message, ...toTarget(message) }),
      })),
      onFailure(error, { subject }) {
        if (error.http >= 500) log.warn({ err: error, subject }, 'state request failed');
      },
    }),
    ...answerTier({ privateBus, store, values, locks, owners, lockWaitMaxMs: config.lockWaitMaxMs, onDirty }),
    privateBus.subscribe(privateSubjects.executorGone(), (message) => {
      ownerGone(readBody(message, executorGoneCodec).owner, { values, locks, owners, onDirty });
    }),
  ];

  return {
    async stop(drainTimeoutMs) {
      for (const subscription of subscriptions) subscription.unsubscribe();
      steps.stop();
      unsaved.stop();
      locks.refuseAll(new FaasmError('draining', 'The host is stopping; ask another one'));
      try {
        await saveAll(powers, values, clock.steadyMs() + drainTimeoutMs);
      } finally {
        await locks.stop();
      }
    },
  };
}
