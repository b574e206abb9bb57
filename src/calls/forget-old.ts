import { type CallsContext, nowMs } from './context.ts';

const sweptAtOnce = 500;

/** Forgets results that were kept for long enough. */
export async function forgetOld(context: CallsContext): Promise<void> {
  const { state, queue, config, log } = context;
  const sweep = () => queue.sweep(nowMs(context) - config.resultKeptMs, sweptAtOnce);
  try {
    while (!state.stopped && (await sweep()) === sweptAtOnce);
  } catch (err) {
    log.warn({ err }, 'old results could not be forgotten');
  }
}
