/** A call on its way to another host has a deadline that counts from its arrival: the clocks of two hosts differ. */
import type { Call } from '../../proto/call.ts';
import { type BusMessage, type Handler, readBody } from '../bus/port.ts';
import type { Clock } from '../power/port.ts';
import { callCodec } from './codec.ts';

export function toPlaced(call: Call, nowMs: number): Call {
  return { ...call, deadlineMs: Math.max(1, Math.ceil(call.deadlineMs - nowMs)) };
}

export function fromPlaced(call: Call, nowMs: number): Call {
  return { ...call, deadlineMs: nowMs + call.deadlineMs };
}

/** Handles placed calls as they arrive. */
export function withPlaced(
  clock: Clock,
  run: (message: BusMessage, call: Call) => void | Promise<void>,
): Handler {
  return (message) => run(message, fromPlaced(readBody(message, callCodec), clock.steadyMs()));
}
