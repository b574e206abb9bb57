/**
 * Asynchronous calls.
 *
 * In:   `async.<user>.<function>`; `calls.status|output|cancel.<user>.<id>`
 * Out:  `functions.describe.<user>.<function>`, `cancel.<user>.<id>`; inside, `admit` for each attempt
 * Owns: the durable queue, and the results until they expire
 * Never: runs a function itself, or answers before what it answers is durable
 *
 * A call runs at least once: what had not ended when the host did is run again, and that counts as an attempt where the
 * call had begun on this host. What runs next, and what becomes of a call that failed, is decided in
 * src/calls/decide.ts and done in src/calls/step.ts.
 */
import { headers as names } from '../proto/headers.ts';
import type { CallStatus } from '../proto/messages.ts';
import { type CallOp, callOps } from '../proto/public-subjects.ts';
import { type BusMessage, Encodable, respond } from '../src/bus/port.ts';
import { readPart, respondPart } from '../src/bus/resource-headers.ts';
import { serve } from '../src/bus/serve.ts';
import { type CallsContext, type CallsPorts, nowMs } from '../src/calls/context.ts';
import { createCallsState } from '../src/calls/decide.ts';
import { forgetOld } from '../src/calls/forget-old.ts';
import { toNewCall } from '../src/calls/new-call.ts';
import { callStatusCodec, foundCall, readCallId } from '../src/calls/queue-messages.ts';
import { readOutput } from '../src/calls/read-output.ts';
import { follow, step } from '../src/calls/step.ts';
import { submit } from '../src/calls/submit.ts';
import { within } from '../src/power/within.ts';

export interface CallsActor {
  /** Takes and runs nothing more, and waits for what runs, for at most so long; the rest runs again after a restart. */
  stop(drainTimeoutMs: number): Promise<void>;
}

const sweepMs = 60_000;

export async function startCalls(ports: CallsPorts): Promise<CallsActor> {
  const { powers, host, bus, subjects, queue, begun, config, log } = ports;
  const { clock, timers } = powers;
  const state = createCallsState(config);
  const working = new Set<Promise<void>>();
  const context: CallsContext = { ...ports, state, working, tick: undefined };

  const handlers: Record<'async' | CallOp, (message: BusMessage) => Promise<void>> = {
    async async(message) {
      answer(message, await submit(context, toNewCall(ports, message)));
    },

    async status(message) {
      const id = readCallId(message);
      answer(message, foundCall(await queue.status(id), id));
    },

    async cancel(message) {
      const id = readCallId(message);
      const status = foundCall(await queue.cancel(id, nowMs(ports)), id);
      if (status.state === 'cancelled') step(context, { type: 'cancelled', id });
      answer(message, status);
    },

    async output(message) {
      const { part, headers } = await readOutput(ports, readCallId(message), readPart(message, bus));
      respondPart(bus, message, part, headers);
    },
  };

  function answer(message: BusMessage, status: CallStatus): void {
    respond(bus, message, new Encodable(status, callStatusCodec), { [names.callId]: [status.id] });
  }

  const pending = await queue.recover(await begun.read());
  await begun.forget();
  if (pending.length > 0) log.info({ calls: pending.length }, 'calls of the last run go on');
  step(context, { type: 'recovered', calls: pending, nowMs: nowMs(ports) });
  const served = serve(bus, {
    clock,
    actor: 'calls',
    id: host,
    description: 'Asynchronous calls: submit, status, output, cancel',
    endpoints: [
      { name: 'async', subject: subjects.async('*', '*'), handler: handlers.async },
      ...callOps.map((op) => ({
        name: op,
        subject: subjects.calls(op, '*', '*'),
        handler: handlers[op],
      })),
    ],
    onFailure(error, { subject }) {
      if (error.http >= 500) log.warn({ err: error, subject }, 'request about a call failed');
    },
  });
  const sweeper = timers.every(sweepMs, () => follow(context, forgetOld(context)));
  follow(context, forgetOld(context));

  async function idle(): Promise<void> {
    while (working.size > 0) await Promise.all(working);
  }

  return {
    async stop(drainTimeoutMs) {
      served.unsubscribe();
      step(context, { type: 'stop' });
      timers.cancel(sweeper);
      await within(timers, drainTimeoutMs, idle());
      step(context, { type: 'left' });
      if (working.size > 0)
        log.warn({ calls: working.size }, 'calls are still running; they run again after a restart');
    },
  };
}
