/**
 * The scheduler's core: whether a call may run, and on which host.
 * Every host has a scheduler and knows of the others by their heartbeats alone, so none is a bottleneck and a stale
 * answer only costs a detour: the host that gets the call queues it.
 *
 * Order of choice: here if a warm Faaslet is here, a host with a warm Faaslet, here cold, the least loaded host.
 *
 * Pure: `decide` changes the state in place and returns what to do.
 */
import type { Call, CallError } from '../../proto/call.ts';
import type { HostStatus } from '../../proto/messages.ts';
import type { CallId, FunctionName, HostId, UserName } from '../../proto/names.ts';

/** 1 MiB: to move a larger input to another host takes longer than to start the function here. */
const movedInputMaxBytes = 1024 * 1024;

export interface SchedulerLimits {
  /** Calls of one user at once on this host; chained ones count. */
  readonly callsPerUserMax: number;
  readonly inputMaxBytes: number;
  /** A host that was silent for so long gets no calls. */
  readonly hostSilentMs: number;
}

export type SchedulerMessage =
  | { readonly type: 'invoke'; readonly call: Call; readonly nowMs: number }
  | { readonly type: 'ended'; readonly id: CallId }
  | { readonly type: 'status'; readonly status: HostStatus; readonly nowMs: number }
  | {
      readonly type: 'changed';
      readonly user: UserName;
      readonly name: FunctionName;
      readonly version: string | null;
    }
  | { readonly type: 'drain' };

export type SchedulerEffect =
  | { readonly type: 'place'; readonly host: HostId; readonly call: Call }
  | { readonly type: 'refuse'; readonly call: Call; readonly error: CallError };

export interface SchedulerState {
  readonly host: HostId;
  readonly limits: SchedulerLimits;
  readonly hosts: Map<
    HostId,
    { readonly status: HostStatus; readonly warm: ReadonlySet<string>; readonly heardMs: number }
  >;
  /** Live versions, by `user/name`. */
  readonly versions: Map<string, string>;
  /** Whose calls are under way, and how many a user has. */
  readonly calls: Map<CallId, UserName>;
  readonly callsOfUser: Map<UserName, number>;
  draining: boolean;
}

export function createSchedulerState(host: HostId, limits: SchedulerLimits): SchedulerState {
  return {
    host,
    limits,
    hosts: new Map(),
    versions: new Map(),
    calls: new Map(),
    callsOfUser: new Map(),
    draining: false,
  };
}

/** Only an `invoke` has an effect. */
export function decide(
  state: SchedulerState,
  message: Extract<SchedulerMessage, { type: 'invoke' }>,
): SchedulerEffect;
export function decide(state: SchedulerState, message: SchedulerMessage): SchedulerEffect | undefined;
export function decide(state: SchedulerState, message: SchedulerMessage): SchedulerEffect | undefined {
  switch (message.type) {
    case 'invoke':
      return invoke(state, message.call, message.nowMs);
    case 'ended':
      release(state, message.id);
      return undefined;
    case 'status': {
      const { status, nowMs } = message;
      state.hosts.set(status.host, { status, warm: new Set(status.warm), heardMs: nowMs });
      return undefined;
    }
    case 'changed': {
      const name = `${message.user}/${message.name}`;
      if (message.version === null) state.versions.delete(name);
      else state.versions.set(name, message.version);
      return undefined;
    }
    case 'drain':
      state.draining = true;
      return undefined;
  }
}

function invoke(state: SchedulerState, call: Call, nowMs: number): SchedulerEffect {
  const version = admit(state, call);
  if (typeof version !== 'string') return { type: 'refuse', call, error: version };
  state.calls.set(call.id, call.user);
  state.callsOfUser.set(call.user, (state.callsOfUser.get(call.user) ?? 0) + 1);
  const placed: Call = { ...call, version: call.version ?? version };
  return { type: 'place', host: chooseHost(state, placed, nowMs), call: placed };
}

/** The version to run, or why none may. */
function admit(state: SchedulerState, call: Call): string | CallError {
  const name = `${call.user}/${call.function}`;
  const { limits } = state;
  // What runs may still chain while the host drains: nothing that was accepted is left half done.
  if (state.draining && call.depth === 0) {
    return refuse('draining', `Cannot run ${name}: this host is draining; call another`, {
      retryAfterMs: 1000,
    });
  }
  const version = state.versions.get(name);
  if (version === undefined) {
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
  return version;
}

function chooseHost(state: SchedulerState, call: Call, nowMs: number): HostId {
  const here = state.hosts.get(state.host);
  if (state.hosts.size <= 1) return state.host;
  const key = `${call.user}/${call.function}@${call.version}`;
  const hereHasRoom = here === undefined || hasRoom(here.status);
  if (hereHasRoom && (here?.warm.has(key) || call.input.length > movedInputMaxBytes)) return state.host;

  const others = [...state.hosts.values()].filter(
    ({ status, heardMs }) =>
      status.host !== state.host && !status.draining && nowMs - heardMs < state.limits.hostSilentMs,
  );
  const withRoom = others.filter(({ status }) => hasRoom(status)).sort(byLoad);
  const warm = withRoom.find((host) => host.warm.has(key));
  if (warm !== undefined) return warm.status.host;
  if (hereHasRoom) return state.host;
  return withRoom[0]?.status.host ?? state.host;
}

function hasRoom(status: HostStatus): boolean {
  return status.queuedCalls === 0 && status.activeCalls < status.capacity;
}

function byLoad(left: { status: HostStatus }, right: { status: HostStatus }): number {
  return load(left.status) - load(right.status);
}

function load(status: HostStatus): number {
  return (status.activeCalls + status.queuedCalls) / Math.max(1, status.capacity);
}

function release(state: SchedulerState, id: CallId): void {
  const user = state.calls.get(id);
  if (user === undefined) return;
  state.calls.delete(id);
  const left = state.callsOfUser.get(user)! - 1;
  if (left === 0) state.callsOfUser.delete(user);
  else state.callsOfUser.set(user, left);
}

function refuse(code: CallError['code'], message: string, details: CallError['details'] = {}): CallError {
  return { code, message, details: { component: 'scheduler', ...details } };
}
