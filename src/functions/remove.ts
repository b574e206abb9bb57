import type { FunctionName, UserName } from '../../proto/names.ts';
import type { Condition } from '../bus/resource-headers.ts';
import type { FunctionsContext } from './context.ts';
import { refuseCondition } from './decide.ts';
import { find, lookFor } from './find.ts';
import { step } from './step.ts';

/** One change of it at a time. @throws FaasmError `not_found`, `precondition_failed`, `storage_unavailable` */
export async function remove(
  context: FunctionsContext,
  user: UserName,
  name: FunctionName,
  condition: Condition,
): Promise<void> {
  const { state, store, powers, log } = context;
  await lookFor(context, user, name);
  const refused = refuseCondition(state, { user, name }, condition);
  if (refused !== undefined) throw refused;
  const description = await find(context, user, name);
  await store.remove(user, name);
  await step(context, { type: 'removed', description, wallMs: powers.clock.wallMs() });
  log.info({ function: `${user}/${name}` }, 'function deleted');
}
