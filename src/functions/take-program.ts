/** The program that a call runs, of the version that it was placed for. */
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { FunctionsContext } from './context.ts';
import { versionToRun } from './decide.ts';
import { find } from './find.ts';
import type { ProgramRequest } from './messages.ts';
import type { HeldProgram, VersionParts } from './programs.ts';
import { look } from './step.ts';

/** A store that does not have yet what another host has written there is read so often again, later each time. */
const readTries = 6;
const readAgainMs = 20;

/** @throws FaasmError of `find`, and of storage, preparation and initialisation */
export async function takeProgram(
  context: FunctionsContext,
  { user, name, version: wanted }: ProgramRequest,
): Promise<HeldProgram> {
  const { state, store, programs, powers } = context;
  for (let tries = 0; ; tries++) {
    if (tries > 0) await look(context, user, name);
    const version = versionToRun(state, await find(context, user, name), wanted, tries > 0);
    if (version !== undefined) return await programs.hold(user, name, version);
    if (tries === readTries) {
      const why = `${store.place} does not have version ${wanted} of ${user}/${name} yet; try again`;
      throw new FaasmError('storage_unavailable', why);
    }
    if (tries > 0) await powers.timers.sleep(readAgainMs * 2 ** tries);
  }
}

/** What a version in the store is. @throws FaasmError `not_found`, and of storage and preparation */
export async function loadVersion(
  context: FunctionsContext,
  user: UserName,
  name: FunctionName,
  version: string,
): Promise<VersionParts> {
  const { versions } = await find(context, user, name);
  const kept = versions.find((found) => found.version === version);
  if (kept !== undefined)
    return { prepared: await context.modules.of(user, kept.module), settings: kept.settings };
  throw new FaasmError('not_found', `There is no version ${version} of ${user}/${name} any more`);
}
