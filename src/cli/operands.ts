/** What commands are about: a function, a user, a state value. */
import { FaasmError } from '../../proto/errors.ts';
import { toFunctionName, toStateKey, toUserName } from '../../proto/names.ts';
import { UsageError } from './command.ts';

/** @returns the path of its routes without the first word, as in `demo/echo` @throws UsageError */
export function toFunctionPath(text: string): string {
  const [user, name, ...rest] = text.split('/');
  if (name === undefined || rest.length > 0) throw notWhole('A function', 'demo/echo', text);
  return asUsage(() => `${toUserName(user!)}/${toFunctionName(name)}`);
}

/** @throws UsageError */
export function toUserPath(text: string): string {
  return asUsage(() => toUserName(text));
}

/** A key may have slashes, and any other characters, in it. @throws UsageError */
export function toStatePath(text: string): string {
  const slash = text.indexOf('/');
  if (slash < 0) throw notWhole('A state value', 'demo/count', text);
  const key = text.slice(slash + 1);
  return asUsage(() => {
    toStateKey(key);
    return `${toUserName(text.slice(0, slash))}/${encodeURIComponent(key)}`;
  });
}

/** A wrong name on the command line is a wrong usage. */
export function asUsage<T>(check: () => T): T {
  try {
    return check();
  } catch (thrown) {
    throw new UsageError(FaasmError.from(thrown).located, { cause: thrown });
  }
}

const notWhole = (what: string, example: string, text: string): UsageError =>
  new UsageError(`${what} is named with its user, as in ${example}, not ${JSON.stringify(text)}`);
