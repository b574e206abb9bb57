import { FaasmError } from '../../proto/errors.ts';

/** What the first word of an error of the server means, and what to do about it. */
const refusals: Readonly<Record<string, string>> = {
  WRONGPASS: 'it refuses the user and password; correct FAASM_REDIS_URL',
  NOAUTH: 'it asks for a password; put it into FAASM_REDIS_URL',
  NOPERM: 'its user may not do this; grant it the commands and keys',
  OOM: 'its memory is used up; raise its maxmemory or delete something',
  LOADING: 'it is loading its data; it will be there soon',
  MISCONF: 'it cannot save to its disk and takes no writes; look at its log',
  READONLY: 'it is a replica, which takes no writes; connect to its primary',
  BUSY: 'it is running a script for long',
};

/** What a command or a connection failed with, as a `storage_unavailable` that names the server. */
export function toRedisError(thrown: unknown, address: string): FaasmError {
  if (thrown instanceof FaasmError) return thrown;
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  const word = /^[A-Z]+/.exec(text)?.[0] ?? '';
  const meaning = refusals[word];
  const why = meaning === undefined ? toReason(text) : `${meaning} (${text})`;
  return new FaasmError('storage_unavailable', `Redis at ${address}: ${why}`, { cause: thrown });
}

function toReason(text: string): string {
  if (text.startsWith('Reached the max retries')) return 'the connection was lost';
  if (text.startsWith("Stream isn't writeable")) return 'not connected';
  return text;
}
