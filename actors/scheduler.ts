/**
 * The scheduler.
 *
 * In:   `invoke.<user>.<function>`, from anybody; inside, `admit` of calls that calls chained and of attempts at
 *       asynchronous ones, and `function.changed`; `host.*.status` of other hosts
 * Out:  a placed call as `run` inside, or as `host.<host>.call` to another host; its output or its error to whoever
 *       invoked; `functions.describe` of a function that is not known here; `cancel.<user>.<id>` of a call that another
 *       host is given up on
 * Owns: which calls of which user are under way through this host
 * Never: runs a call, queues one, or keeps a result
 *
 * Whether and where is decided in src/scheduler/decide.ts, and done by src/scheduler/run-call.ts.
 */
import type { Call, CallResult } from '../proto/call.ts';
import type { ControlSubjects } from '../proto/control-subjects.ts';
import type { CallId, UserName } from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import type { PublicSubjects } from '../proto/public-subjects.ts';
import { type Bus, readBody } from '../src/bus/port.ts';
import { answerInside } from '../src/bus/private.ts';
import { serve } from '../src/bus/serve.ts';
import type { CallData } from '../src/calls/call-data.ts';
import type { Places } from '../src/calls/invocation.ts';
import { functionChangedCodec } from '../src/functions/messages.ts';
import type { Powers } from '../src/power/port.ts';
import { answerInvocations } from '../src/scheduler/answer-invocations.ts';
import {
  createSchedulerState,
  decide,
  type SchedulerLimits,
  type SchedulerMessage,
  type SchedulerSelf,
} from '../src/scheduler/decide.ts';
import type { KeyedLimits } from '../src/scheduler/keyed-calls.ts';
import { admitTopic, readHostStatus } from '../src/scheduler/messages.ts';
import { OtherHosts } from '../src/scheduler/other-hosts.ts';
import { runBetween } from '../src/scheduler/run-between.ts';
import { CallRunner } from '../src/scheduler/run-call.ts';

export interface SchedulerOptions {
  readonly powers: Powers;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly control: ControlSubjects;
  readonly config: {
    readonly self: SchedulerSelf;
    readonly limits: SchedulerLimits;
    /** The longest that a call may take. */
    readonly callTimeoutMs: number;
    /** Of calls with an idempotency key. */
    readonly keyed: KeyedLimits;
  };
  /** Where input and output of calls may be. */
  readonly data: CallData;
  newCallId(user: UserName): CallId;
}

export interface Scheduler {
  /** Whether other hosts can be reached at all. */
  reach(reachable: boolean): void;
  /** From now on only what is under way may make calls. */
  drain(): void;
  stop(): void;
}

/** How often hosts are looked through for silent ones. */
const tickMs = 500;

export function startScheduler({
  powers: { clock, timers, random },
  bus,
  privateBus,
  subjects,
  control,
  config: { self, limits, callTimeoutMs, keyed },
  data,
  newCallId,
}: SchedulerOptions): Scheduler {
  const state = createSchedulerState(self, limits, random.unit);
  const others = new OtherHosts({ clock, bus, subjects, control });
  const runner = new CallRunner({ clock, bus, privateBus, subjects, state, others });
  const runPlaced = (call: Call): Promise<CallResult> => runner.run(call);
  const run = (call: Call, places: Places | undefined): Promise<CallResult> =>
    places === undefined ? runner.run(call) : runBetween(data, call, places, runPlaced);

  const subscriptions = [
    privateBus.subscribe(privateSubjects.functionChanged(), (message) => {
      decide(state, { type: 'changed', change: readBody(message, functionChangedCodec) });
    }),
    bus.subscribe(control.status('*'), (message) => {
      step({ type: 'status', status: readHostStatus(message), nowMs: clock.monotonicMs() });
    }),
    serve(bus, {
      clock,
      actor: 'scheduler',
      id: self.host,
      description: 'Invoke a function: raw input in, raw output out',
      endpoints: [
        {
          name: 'invoke',
          subject: subjects.invoke('*', '*'),
          handler: answerInvocations({ clock, bus, callTimeoutMs, keyed, newCallId, run }),
        },
      ],
    }),
    answerInside(privateBus, privateSubjects.admit(), admitTopic, ({ call, places }) => {
      const latestMs = clock.steadyMs() + callTimeoutMs;
      return run({ ...call, deadlineMs: Math.min(call.deadlineMs, latestMs) }, places);
    }),
  ];

  const ticking = timers.every(tickMs, () => step({ type: 'tick', nowMs: clock.monotonicMs() }));

  return {
    reach: (reachable) => step({ type: 'reach', reachable, nowMs: clock.monotonicMs() }),
    drain: () => step({ type: 'drain' }),
    stop() {
      timers.cancel(ticking);
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };

  function step(message: Exclude<SchedulerMessage, { type: 'invoke' | 'unreachable' }>): void {
    const effect = decide(state, message);
    if (effect?.type === 'lost') others.lost(effect.calls);
  }
}
