/** How a call ends that its executor does not end: what its caller is told. */
import type { CallError } from '../../proto/call.ts';
import type { Work } from './state.ts';

export function lost(work: Work, why: string): CallError {
  return {
    code: 'executor_lost',
    message: `${work.name} was stopped with its executor: ${why}; call it again`,
    details: { component: 'worker-pool' },
  };
}

/** Its host stops, and it had waited for an executor until then. */
export function neverBegun(work: Pick<Work, 'name'>): CallError {
  return {
    code: 'draining',
    message: `${work.name} did not begin before its host stopped; call another`,
    details: { component: 'worker-pool' },
  };
}

export function exhausted(work: Work): CallError {
  return {
    code: 'guest_out_of_memory',
    message: `${work.name} used up the memory that the host keeps for its objects, references and exceptions`,
    details: { component: 'worker-pool' },
  };
}

export function late(work: Work): CallError {
  return {
    code: 'deadline_exceeded',
    message: `${work.name} did not end within its time limit; give it more with X-Faasm-Timeout up to FAASM_CALL_TIMEOUT_MS`,
    details: { component: 'worker-pool' },
  };
}

export function cancelled(work: Pick<Work, 'name'>): CallError {
  return { code: 'cancelled', message: `${work.name} was cancelled`, details: { component: 'worker-pool' } };
}

/** @param queued of its user's calls */
export function queueFull(work: Work, queued: number): CallError {
  return {
    code: 'too_many_requests',
    message: `Cannot run ${work.name}: ${queued} calls of ${work.user} are queued, which is the most now; try again, or raise FAASM_QUEUED_CALLS_MAX`,
    details: { component: 'worker-pool', retryAfterMs: 1000 },
  };
}
