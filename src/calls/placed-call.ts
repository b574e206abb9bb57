/** A call on its way to another host has a deadline that counts from its arrival: the clocks of two hosts differ. */
import type { Call } from '../../proto/call.ts';

export function toPlaced(call: Call, nowMs: number): Call {
  return { ...call, deadlineMs: Math.max(1, Math.ceil(call.deadlineMs - nowMs)) };
}

export function fromPlaced(call: Call, nowMs: number): Call {
  return { ...call, deadlineMs: nowMs + call.deadlineMs };
}
