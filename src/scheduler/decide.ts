/**
 * The scheduler's core: whether a call may run, and on which host.
 * Every host has a scheduler and knows of the others by their heartbeats alone, so none is a bottleneck and a stale
 * answer only costs a detour: the host that gets the call queues it. Where it goes is chosen in hosts.ts.
 *
 * A call that was placed on another host is placed anew where nobody was there to take it, and is lost when that host
 * falls silent, for it may have run there.
 *
 * Pure: `decide` changes the state in place and returns what to do; time is handed in, and counts up.
 */
import type { Call, CallError } from '../../proto/call.ts';
import type { FunctionChanged, HostStatus } from '../../proto/messages.ts';
import type { CallId, HostId, UserName } from '../../proto/names.ts';
import { type LiveVersion, LiveVersions, recordCost } from '../functions/live-versions.ts';
import { type HostLimits, Hosts, type Placed } from './hosts.ts';

export interface SchedulerLimits extends HostLimits {
  /** Calls of one user at once on this host; chained ones count. */
  readonly callsPerUserMax: number;
  readonly inputMaxBytes: number;
}

/** This host, as it tells of itself. */
export interface SchedulerSelf {
  readonly host: HostId;
  readonly instance: string;
  /** Where it has its functions, as in HostStores. */
  readonly store: string;
}

export type SchedulerMessage =
  | { readonly type: 'invoke'; readonly call: Call; readonly nowMs: number }
  /** Nobody took the call on the host where it was placed, so it has not run. */
  | { readonly type: 'unreachable'; readonly call: Call; readonly host: HostId; readonly nowMs: number }
  /** @param ranUs how long it computed, where that is known */
  | { readonly type: 'ended'; readonly id: CallId; readonly ranUs?: number | undefined }
  | { readonly type: 'status'; readonly status: HostStatus; readonly nowMs: number }
  | { readonly type: 'changed'; readonly change: FunctionChanged }
  /** Whether the other hosts can be reached at all. */
  | { readonly type: 'reach'; readonly reachable: boolean; readonly nowMs: number }
  | { readonly type: 'tick'; readonly nowMs: number }
  | { readonly type: 'drain' };

export type SchedulerEffect =
  | { readonly type: 'place'; readonly host: HostId; readonly call: Call }
  | { readonly type: 'refuse'; readonly call: Call; readonly error: CallError }
  /** The hosts that these were placed on are gone. */
  | { readonly type: 'lost'; readonly calls: readonly CallId[] };

interface CallUnderWay {
  readonly user: UserName;
  readonly live: LiveVersion;
  placed: Placed;
}

export interface SchedulerState {
  readonly self: SchedulerSelf;
  readonly limits: SchedulerLimits;
  readonly hosts: Hosts;
  readonly versions: LiveVersions;
  readonly calls: Map<CallId, CallUnderWay>;
  readonly callsOfUser: Map<UserName, number>;
  draining: boolean;
}

/** @param random gives numbers from 0, less than 1 */
export function createSchedulerState(
  self: SchedulerSelf,
  limits: SchedulerLimits,
  random: () => number,
): SchedulerState {
  return {
    self,
    limits,
    hosts: new Hosts(self.host, self.store, limits, random),
    versions: new LiveVersions(self.store),
    calls: new Map(),
    callsOfUser: new Map(),
    draining: false,
  };
}

/** An `invoke` and an `unreachable` have an effect each; what ends hosts has one when calls are lost. */
export function decide(
  state: SchedulerState,
  message: Extract<SchedulerMessage, { type: 'invoke' | 'unreachable' }>,
): Exclude<SchedulerEffect, { type: 'lost' }>;
export function decide(state: SchedulerState, message: SchedulerMessage): SchedulerEffect | undefined;
export function decide(state: SchedulerState, message: SchedulerMessage): SchedulerEffect | undefined {
  switch (message.type) {
    case 'invoke':
      return invoke(state, message.call, message.nowMs);
    case 'unreachable':
      return placeAnew(state, message);
    case 'ended':
      release(state, message.id, message.ranUs);
      return undefined;
    case 'status': {
      const { status, nowMs } = message;
      // Another host under this one's name says nothing of this one.
      const isNamesake = status.host === state.self.host && status.instance !== state.self.instance;
      return isNamesake ? undefined : lose(state.hosts.hear(status, nowMs));
    }
    case 'changed':
      state.versions.hear(message.change);
      return undefined;
    case 'reach':
      state.hosts.reach(message.reachable, message.nowMs);
      return undefined;
    case 'tick':
      return lose(state.hosts.forgetSilent(message.nowMs));
    case 'drain':
      state.draining = true;
      return undefined;
  }
}

function invoke(
  state: SchedulerState,
  call: Call,
  nowMs: number,
): Exclude<SchedulerEffect, { type: 'lost' }> {
  const live = admit(state, call);
  if ('code' in live) return { type: 'refuse', call, error: live };
  const placed: Call = { ...call, version: call.version ?? live.version! };
  const host = chooseHost(state, placed, live, nowMs);
  if (host === undefined) return { type: 'refuse', call, error: nobodyHas(call) };
  state.calls.set(call.id, {
    user: call.user,
    live,
    placed: state.hosts.begin(host, call.id, live.costUs ?? unknownUs),
  });
  state.callsOfUser.set(call.user, (state.callsOfUser.get(call.user) ?? 0) + 1);
  return { type: 'place', host, call: placed };
}

/** What a call counts for whose program has not ended one yet: its first call on a host begins with loading it. */
const unknownUs = 5000;

function chooseHost(
  state: SchedulerState,
  call: Call,
  { store }: LiveVersion,
  nowMs: number,
): HostId | undefined {
  // One alone need not build the program's name.
  if (state.hosts.size <= 1 && store === state.self.store) return state.self.host;
  const program = `${call.user}/${call.function}@${call.version}`;
  return state.hosts.choose(program, store, call.input.length, nowMs);
}

function placeAnew(
  state: SchedulerState,
  { call, host, nowMs }: Extract<SchedulerMessage, { type: 'unreachable' }>,
): Exclude<SchedulerEffect, { type: 'lost' }> {
  state.hosts.shun(host);
  const underWay = state.calls.get(call.id);
  const next = underWay && chooseHost(state, call, underWay.live, nowMs);
  if (underWay === undefined || next === undefined) {
    return { type: 'refuse', call, error: nobodyHas(call) };
  }
  const { costUs } = underWay.placed;
  state.hosts.end(underWay.placed, call.id);
  underWay.placed = state.hosts.begin(next, call.id, costUs);
  return { type: 'place', host: next, call };
}

/** What to run, or why nothing may. */
function admit(state: SchedulerState, call: Call): LiveVersion | CallError {
  const name = `${call.user}/${call.function}`;
  const { limits } = state;
  // What runs may still chain while the host drains: nothing that was accepted is left half done.
  if (state.draining && call.depth === 0) {
    return refuse('draining', `Cannot run ${name}: this host is draining; call another`, {
      retryAfterMs: 1000,
    });
  }
  const live = state.versions.get(name);
  if (live === undefined) {
    return refuse('not_found', `There is no function ${name}; upload it with PUT /f/${name}`);
  }
  if (call.input.length > limits.inputMaxBytes) {
    const limit = limits.inputMaxBytes;
    return refuse(
      'too_large',
      `The input of ${name} has ${call.input.length} bytes and may have ${limit}; raise FAASM_INPUT_MAX_BYTES`,
    );
  }
  if (state.calls.has(call.id)) return refuse('conflict', `A call with id ${call.id} is under way already`);
  const active = state.callsOfUser.get(call.user) ?? 0;
  // Who waits for a chained call counts too, so there is room for as many of those.
  if (active >= (call.depth === 0 ? 1 : 2) * limits.callsPerUserMax) {
    return refuse(
      'too_many_requests',
      `${call.user} has ${active} calls under way, which is the most; try again, or raise FAASM_CALLS_PER_USER_MAX`,
      { retryAfterMs: 1000 },
    );
  }
  return live;
}

function release(state: SchedulerState, id: CallId, ranUs: number | undefined): void {
  const ended = state.calls.get(id);
  if (ended === undefined) return;
  const { user, live, placed } = ended;
  state.calls.delete(id);
  state.hosts.end(placed, id);
  if (ranUs !== undefined) recordCost(live, ranUs);
  const left = state.callsOfUser.get(user)! - 1;
  if (left === 0) state.callsOfUser.delete(user);
  else state.callsOfUser.set(user, left);
}

function nobodyHas(call: Call): CallError {
  const name = `${call.user}/${call.function}`;
  return refuse(
    'no_responders',
    `No host that has ${name} takes calls now: this one keeps its functions elsewhere; see FAASM_FUNCTIONS`,
    { retryAfterMs: 1000 },
  );
}

function lose(calls: readonly CallId[]): SchedulerEffect | undefined {
  return calls.length === 0 ? undefined : { type: 'lost', calls };
}

function refuse(code: CallError['code'], message: string, details: CallError['details'] = {}): CallError {
  return { code, message, details: { component: 'scheduler', ...details } };
}
