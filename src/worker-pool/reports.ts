/** What the worker pool tells everybody: how a call ended, and how busy the host is. */
import type { Call, CallError } from '../../proto/call.ts';
import type { CallEvent, HostStatus } from '../../proto/messages.ts';
import type { CallId, HostId } from '../../proto/names.ts';
import type { EndedCall, FromExecutor } from '../faaslet/executor-messages.ts';
import type { FaasletUse } from '../faaslet/faaslet-budget.ts';
import { activeCalls, type PoolState, queuedCalls } from './state.ts';

/** A status names so many warm programs at the most. */
const warmMax = 1000;

export type Ending = Pick<EndedCall, 'output' | 'returnValue' | 'error' | 'stderr'>;

export function toCallEvent(
  host: HostId,
  { call, arrivedMs }: { readonly call: Call; readonly arrivedMs: number },
  { output, returnValue, error, stderr }: Ending,
  endedAtMs: number,
): CallEvent {
  return {
    id: call.id,
    parentId: call.parentId ?? null,
    user: call.user,
    function: call.function,
    host,
    endedAtMs,
    durationMs: endedAtMs - arrivedMs,
    outputBytes: output.length,
    returnValue,
    error: withoutOutput(error),
    stderr: stderr ?? null,
  };
}

/** Of a call that ran beside its caller, on the same executor. */
export function toChainedEvent(
  host: HostId,
  parent: Call,
  id: CallId,
  { function: name, durationMs, ended }: Extract<FromExecutor, { type: 'chained' }>,
  endedAtMs: number,
): CallEvent {
  const { returnValue, outputBytes } = ended;
  const error = withoutOutput(ended.error);
  const stderr = ended.stderr ?? null;
  const { user, id: parentId } = parent;
  return {
    id,
    parentId,
    user,
    function: name,
    host,
    endedAtMs,
    durationMs,
    outputBytes,
    returnValue,
    error,
    stderr,
  };
}

/** What a call put out is its caller's. */
function withoutOutput(error: CallError | undefined): CallError | null {
  if (error === undefined) return null;
  const { output: _text, outputBase64: _bytes, ...details } = error.details;
  return { ...error, details };
}

export function toHostStatus(
  host: HostId,
  state: PoolState,
  faaslets: FaasletUse,
  draining: boolean,
): HostStatus {
  const executors = [...state.executors.values()];
  const warm = new Set(executors.flatMap((executor) => [...executor.versions]));
  return {
    host,
    executors: executors.length,
    faaslets: faaslets.count,
    faasletBytes: faaslets.bytes,
    activeCalls: activeCalls(state),
    queuedCalls: queuedCalls(state),
    capacity: state.limits.activeCallsMax,
    warm: [...warm].slice(0, warmMax),
    draining,
  };
}
