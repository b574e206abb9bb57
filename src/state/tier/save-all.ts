/** What is done before a host ends: everything is pushed, and what cannot be, again and again for a time. */
import { FaasmError } from '../../../proto/errors.ts';
import type { Powers } from '../../power/port.ts';
import { showName } from '../core/value-name.ts';
import type { Resident } from './resident.ts';
import type { Values } from './values.ts';

const pushAgainMs = 250;
/** Of values that could not be saved, so many are named. */
const shownMax = 20;

/** @throws FaasmError `storage_unavailable` that names what could not be saved by then */
export async function saveAll(
  { clock, timers }: Pick<Powers, 'clock' | 'timers'>,
  { gates, residents }: Values,
  untilMs: number,
): Promise<void> {
  await gates.idle();
  for (;;) {
    const failed: Resident[] = [];
    let cause: unknown;
    for (const resident of residents.dirty()) {
      await gates
        .run(resident.name, async () => {
          if (residents.get(resident.name) === resident) await resident.push();
        })
        .catch((error) => {
          failed.push(resident);
          cause = error;
        });
    }
    if (failed.length === 0) return;
    if (clock.steadyMs() >= untilMs) throw notSaved(failed, cause);
    await timers.sleep(Math.min(pushAgainMs, Math.max(1, untilMs - clock.steadyMs())));
  }
}

function notSaved(values: readonly Resident[], cause: unknown): FaasmError {
  const bytes = values.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const names = values.slice(0, shownMax).map(({ name }) => showName(name));
  const more = values.length > shownMax ? ` and ${values.length - shownMax} more` : '';
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FaasmError(
    'storage_unavailable',
    `NOT SAVED: state ${names.join(', ')}${more}, values of ${bytes} bytes together: ${why}`,
    { cause },
  );
}
