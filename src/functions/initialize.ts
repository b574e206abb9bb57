import { FaasmError } from '../../proto/errors.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { askInside } from '../bus/private.ts';
import type { InitializedState, Program } from '../faaslet/program.ts';
import { initializeTopic } from '../worker-pool/messages.ts';
import type { FunctionsPorts } from './context.ts';

/**
 * What a program's initialisation leaves; nothing when that cannot be carried over to other instances, or takes too long.
 * @throws FaasmError `bad_module` when the program fails to initialise
 */
export async function initialize(
  { powers, privateBus, config, log }: FunctionsPorts,
  program: Program,
): Promise<InitializedState | undefined> {
  const deadlineMs = powers.clock.steadyMs() + config.initializeTimeoutMs;
  try {
    return await askInside(privateBus, privateSubjects.initialize(), initializeTopic, {
      program,
      deadlineMs,
    });
  } catch (thrown) {
    const error = FaasmError.from(thrown);
    if (error.retry || error.code === 'deadline_exceeded') {
      log.warn(
        { function: `${program.user}/${program.function}`, err: error.message },
        'no Proto-Faaslet: it initialises in every call',
      );
      return undefined;
    }
    throw new FaasmError('bad_module', `The module cannot be initialised: ${error.message}`, {
      cause: error,
      details: error.details,
    });
  }
}
