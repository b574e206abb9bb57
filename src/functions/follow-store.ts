/** Looks what other hosts have changed in a store that they share; one that is away is looked for again and again. */
import { FaasmError } from '../../proto/errors.ts';
import type { Timer } from '../power/port.ts';
import type { FunctionsContext } from './context.ts';
import { step } from './step.ts';

/** While the store is away. */
const refreshMaxMs = 15_000;
/** How often unused modules are looked for, and how old they have to be. */
const sweepMs = 3_600_000;

/** All functions as the store has them now. @throws FaasmError `storage_unavailable` */
export async function refresh(context: FunctionsContext): Promise<void> {
  const functions = await context.store.list();
  await step(context, { type: 'listed', functions, wallMs: context.powers.clock.wallMs() });
}

/**
 * Resolves when it has looked once, which is all where no other host has the store.
 * @param onStore is told why the store cannot be read, and when it can again
 * @param stopping ends it
 */
export async function followStore(
  context: FunctionsContext,
  onStore: (why: string | undefined) => void,
  stopping: AbortSignal,
): Promise<void> {
  const { powers, state, store, config, log } = context;
  if (!state.limits.isShared) return await refresh(context);
  const { clock, timers } = powers;
  let timer: Timer | undefined;
  let failures = 0;
  let sweptMs = 0;
  stopping.addEventListener('abort', () => timers.cancel(timer));
  await follow();

  async function follow(): Promise<void> {
    try {
      await refresh(context);
      failures = 0;
      onStore(undefined);
      if (clock.steadyMs() > sweptMs + sweepMs) {
        sweptMs = clock.steadyMs();
        const modules = await store.listModules();
        await step(context, { type: 'swept', modules, writtenBeforeMs: sweptMs - sweepMs });
      }
    } catch (err) {
      failures++;
      onStore(FaasmError.from(err).message);
      log.debug({ err }, 'function storage cannot be read');
    }
    const delayMs = Math.min(config.refreshMs * 2 ** Math.min(failures, 4), refreshMaxMs);
    if (!stopping.aborted) timer = timers.after(delayMs, () => void follow()).unref();
  }
}
