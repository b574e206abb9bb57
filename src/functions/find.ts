/** Finds a function: here, else in the store, where another host may have put it. */
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionDescription, FunctionVersion } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { FunctionsContext } from './context.ts';
import { type FunctionsState, mayBeThere } from './decide.ts';
import { look } from './step.ts';

/** @throws FaasmError `not_found`, `being_built`, `storage_unavailable`, `storage_corrupt` */
export async function find(
  context: FunctionsContext,
  user: UserName,
  name: FunctionName,
): Promise<FunctionDescription> {
  const found = await lookFor(context, user, name);
  if (found !== undefined) return found;
  context.coming?.check(user, name);
  throw new FaasmError('not_found', `There is no function ${user}/${name}`);
}

/** @throws FaasmError `storage_unavailable`, `storage_corrupt` */
export async function lookFor(
  context: FunctionsContext,
  user: UserName,
  name: FunctionName,
): Promise<FunctionDescription | undefined> {
  const { state, powers } = context;
  const isUnsure = mayBeThere(state, { user, name }, powers.clock.steadyMs());
  const known = isUnsure ? await look(context, user, name) : state.known.get(`${user}/${name}`);
  return known?.description;
}

/** Those of a user that are known here, by name. */
export function listOf({ known }: FunctionsState, user: UserName): FunctionDescription[] {
  const all = [...known.values()]
    .map(({ description }) => description)
    .filter((found) => found.user === user);
  return all.sort((left, right) => (left.name < right.name ? -1 : 1));
}

export function liveOf({ live, versions }: FunctionDescription): FunctionVersion {
  return versions.find(({ version }) => version === live)!;
}
