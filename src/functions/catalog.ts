/** An actor's own copy of which functions are live, kept up to date by `function.changed`. */
import type { FunctionChanged } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { type Bus, readBody, type Subscription } from '../bus/port.ts';
import { functionChangedCodec } from './messages.ts';

export interface Catalog {
  /** The live version's sha256 in hex, or nothing where there is no such function. */
  version(user: UserName, name: FunctionName): string | undefined;
  close(): void;
}

export function followCatalog(
  bus: Bus,
  subjects: Subjects,
  onChange?: (change: FunctionChanged) => void,
): Catalog {
  const users = new Map<UserName, Map<FunctionName, string>>();
  const subscription: Subscription = bus.subscribe(subjects.functionChanged('*', '*'), (message) => {
    const change = readBody(message, functionChangedCodec);
    const functions = users.get(change.user) ?? new Map<FunctionName, string>();
    users.set(change.user, functions);
    if (change.version === null) functions.delete(change.name);
    else functions.set(change.name, change.version);
    if (functions.size === 0) users.delete(change.user);
    onChange?.(change);
  });
  return {
    version: (user, name) => users.get(user)?.get(name),
    close: () => subscription.unsubscribe(),
  };
}
