/** An actor's own copy of which functions are live, kept up to date by what the functions actor tells. */
import type { FunctionName, UserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { type Bus, readBody, type Subscription } from '../bus/port.ts';
import { LiveVersions } from './live-versions.ts';
import { functionChangedCodec } from './messages.ts';

export interface Catalog {
  /** The live version's sha256 in hex, or nothing where there is no such function. */
  version(user: UserName, name: FunctionName): string | undefined;
  close(): void;
}

/**
 * @param store where this host has its functions, as in HostStores
 * @param onReplaced this version is not the live one any more
 */
export function followCatalog(
  privateBus: Bus,
  store: string,
  onReplaced: (user: UserName, name: FunctionName, version: string) => void,
): Catalog {
  const versions = new LiveVersions(store);
  const subscription: Subscription = privateBus.subscribe(privateSubjects.functionChanged(), (message) => {
    const change = readBody(message, functionChangedCodec);
    const { user, name } = change;
    const before = versions.get(`${user}/${name}`)?.version ?? change.version;
    if (versions.hear(change) && before !== null && before !== change.version) onReplaced(user, name, before);
  });
  return {
    version: (user, name) => versions.get(`${user}/${name}`)?.version ?? undefined,
    close: () => subscription.unsubscribe(),
  };
}
