/** Tells the core of asynchronous calls what has happened, and does what it decides. */
import { FaasmError } from '../../proto/errors.ts';
import { type CallId, userOfCall } from '../../proto/names.ts';
import { emptyBody } from '../bus/port.ts';
import { type AttemptResult, runAttempt, toFailure } from './attempt.ts';
import { type CallsContext, nowMs } from './context.ts';
import { type CallsEffect, type CallsMessage, decide, nextTickMs } from './decide.ts';

/** Between two tries to keep a result that could not be stored. */
const storeRetryMs = 1000;
/** A timer takes 31 bits. */
const timerMaxMs = 2 ** 31 - 1;

const noResult: AttemptResult = { output: emptyBody, returnValue: null, error: undefined };

/** @param result what the attempt gave that ended @throws FaasmError why a call is refused */
export function step(context: CallsContext, message: CallsMessage, result = noResult): void {
  const effects = decide(context.state, message);
  arm(context);
  for (const effect of effects) perform(context, effect, result);
}

/** So that `stop` waits for it. */
export function follow({ working, log }: CallsContext, work: Promise<void>): void {
  const followed = work
    .catch((err) => log.error({ err }, 'asynchronous call'))
    .finally(() => working.delete(followed));
  working.add(followed);
}

function perform(context: CallsContext, effect: CallsEffect, result: AttemptResult): void {
  const { bus, subjects, queue, log } = context;
  switch (effect.type) {
    case 'run':
      follow(context, run(context, effect.id));
      break;
    case 'finish': {
      const { id, state, error = null } = effect;
      const { output, returnValue } = result;
      const end = { state, output, returnValue, error, endedAtMs: nowMs(context) };
      follow(
        context,
        keep(context, id, () => queue.finish(id, end)),
      );
      break;
    }
    case 'retry': {
      const { id, error, notBeforeMs } = effect;
      log.info({ call: id, code: error.code, message: error.message, notBeforeMs }, 'call is tried again');
      follow(
        context,
        keep(context, id, () => queue.retry(id, error, notBeforeMs)),
      );
      break;
    }
    case 'interrupt':
      bus.tell(subjects.cancel(userOfCall(effect.id), effect.id), emptyBody);
      break;
    case 'refuse':
      throw effect.error;
  }
}

async function run(context: CallsContext, id: CallId): Promise<void> {
  let attempts = 1;
  let result: AttemptResult;
  try {
    const attempt = await context.queue.claim(id, nowMs(context));
    if (attempt === undefined) {
      step(context, { type: 'vanished', id });
      return;
    }
    attempts = attempt.attempts;
    result = await runAttempt(context, attempt);
  } catch (thrown) {
    result = toFailure(thrown);
  }
  step(context, { type: 'ended', id, attempts, error: result.error, nowMs: nowMs(context) }, result);
}

/** While what became of a call cannot be stored, it counts as running, and so is run again after a restart. */
async function keep(context: CallsContext, id: CallId, store: () => Promise<void>): Promise<void> {
  const { state, powers, log } = context;
  for (;;) {
    try {
      await store();
      return;
    } catch (err) {
      log.error({ call: id, err }, 'the end of a call could not be stored');
      if (state.stopped || FaasmError.from(err).code === 'storage_corrupt') return;
      await powers.timers.sleep(storeRetryMs);
    }
  }
}

function arm(context: CallsContext): void {
  const { state, powers } = context;
  powers.timers.cancel(context.tick);
  const atMs = nextTickMs(state);
  if (!Number.isFinite(atMs)) return;
  const waitMs = Math.min(Math.max(1, atMs - nowMs(context)), timerMaxMs);
  context.tick = powers.timers.after(waitMs, () => step(context, { type: 'tick', nowMs: nowMs(context) }));
}
