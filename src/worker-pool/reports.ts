/** What the worker pool tells everybody: how a call ended, and how busy the host is. */
import type { Call, CallEnd, CallError } from '../../proto/call.ts';
import type { CallEvent, HostStatus, HostStores } from '../../proto/messages.ts';
import type { CallId, HostId } from '../../proto/names.ts';
import type { RanBeside } from '../executor/port.ts';
import type { FaasletUse } from '../faaslet/faaslet-budget.ts';
import { type WarmReport, warmMax } from '../hosts/warm.ts';
import { expectedUs } from './placement.ts';
import { activeCalls, type PoolState, queuedCalls } from './state.ts';

export function toCallEvent(
  host: HostId,
  { call, durationMs }: { readonly call: Call; readonly durationMs: number },
  end: CallEnd,
  endedAtMs: number,
): CallEvent {
  return toEvent(host, call, { durationMs, outputBytes: end.output.length, end }, endedAtMs);
}

/** Of a call that ran beside its caller, on the same executor. */
export function toChainedEvent(
  host: HostId,
  { user, id: parentId, traceparent }: Call,
  id: CallId,
  ran: RanBeside,
  endedAtMs: number,
): CallEvent {
  return toEvent(host, { id, parentId, user, function: ran.function, traceparent }, ran, endedAtMs);
}

interface EndedCall extends Pick<Call, 'id' | 'user' | 'function'> {
  readonly parentId?: CallId | undefined;
  readonly traceparent?: string | undefined;
}

function toEvent(
  host: HostId,
  { id, parentId, user, function: name, traceparent }: EndedCall,
  { durationMs, outputBytes, end }: Omit<RanBeside, 'function'>,
  endedAtMs: number,
): CallEvent {
  return {
    id,
    parentId: parentId ?? null,
    user,
    function: name,
    host,
    endedAtMs,
    durationMs: toMicroseconds(durationMs),
    outputBytes,
    returnValue: end.returnValue,
    error: withoutOutput(end.error),
    stderr: end.stderr ?? null,
    traceparent: traceparent ?? null,
  };
}

/** What a call put out is its caller's. */
function withoutOutput(error: CallError | undefined): CallError | null {
  if (error === undefined) return null;
  const { output: _text, outputBase64: _bytes, ...details } = error.details;
  return { ...error, details };
}

/** What a host tells of itself beside what its pool knows. */
export interface HostIdentity {
  readonly host: HostId;
  readonly instance: string;
  readonly stores: HostStores;
  readonly cores: number;
}

export function toHostStatus(
  identity: HostIdentity,
  phase: HostStatus['phase'],
  state: PoolState,
  faaslets: FaasletUse,
  report: WarmReport,
  nowMs: number,
): HostStatus {
  const warm = warmPrograms(state);
  return {
    ...identity,
    phase,
    executors: state.executors.size,
    faaslets: faaslets.count,
    faasletBytes: faaslets.bytes,
    activeCalls: activeCalls(state),
    queuedCalls: queuedCalls(state),
    capacity: state.limits.activeCallsMax,
    backlogUs: backlogUs(state, nowMs),
    warmPrograms: warm.size,
    warm: report.next(warm),
  };
}

/** Those that have run here: one that was only uploaded has no Faaslet that a call could find. */
function warmPrograms(state: PoolState): Set<string> {
  const warm = new Set<string>();
  for (const { versions } of state.executors.values()) {
    for (const version of versions) {
      if (warm.size < warmMax && state.records.has(version)) warm.add(version);
    }
  }
  return warm;
}

/**
 * What is left to compute: of the calls on executors and of those that wait, as their programs did before. One that
 * has been inside its guest for longer than was expected takes as long again, as far as anybody knows.
 */
export function backlogUs(state: PoolState, nowMs: number): number {
  let sumUs = 0;
  for (const executor of state.executors.values()) {
    const insideUs = executor.current === undefined ? 0 : (nowMs - executor.turnSinceMs) * 1000;
    sumUs += Math.max(executor.expectedUs, insideUs);
  }
  for (const { executor, work } of state.calls.values()) {
    if (executor === undefined) sumUs += expectedUs(state, work.version);
  }
  return Math.max(0, Math.round(sumUs));
}

/** In milliseconds still; finer than that is noise. */
function toMicroseconds(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}
