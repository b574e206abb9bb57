/**
 * What each user may read input from and write output to: beginnings of places, as in
 * `{"demo": ["s3://data/demo/", "redis:in:"], "*": ["s3://data/{user}/"]}`. `*` is every user, `{user}` its name.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { UserName } from '../../proto/names.ts';

export type Grants = ReadonlyMap<string, readonly string[]>;

/** @param text JSON; empty for none @throws FaasmError `bad_request` that says why it is no such thing */
export function toGrants(text: string): Grants {
  if (text.trim() === '') return new Map();
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('it is no object');
  return new Map(Object.entries(value).map(([user, beginnings]) => [user, toBeginnings(user, beginnings)]));
}

/** @param place in words, as of `showPlace` @throws FaasmError `forbidden` */
export function checkGrant(grants: Grants, user: UserName, place: string): void {
  const own = [...(grants.get(user) ?? []), ...(grants.get('*') ?? [])];
  if (own.some((beginning) => place.startsWith(beginning.replaceAll('{user}', user)))) return;
  throw new FaasmError('forbidden', `User ${user} may not use ${place}; grant it in FAASM_GRANTS`);
}

function toBeginnings(user: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw bad(`${user} has no list`);
  return value.map((each: unknown) => {
    if (typeof each !== 'string') throw bad(`${user} has something that is no text`);
    if (each.startsWith('redis:')) return each;
    // A bucket as a whole, and not every bucket whose name begins so.
    if (/^s3:\/\/[a-z0-9][a-z0-9.-]+$/.test(each)) return `${each}/`;
    if (each.startsWith('s3://')) return each;
    throw bad(`${user} has ${JSON.stringify(each)}, which begins neither with redis: nor with s3://`);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw bad(`it is no JSON: ${(cause as Error).message}`);
  }
}

function bad(why: string): FaasmError {
  return new FaasmError('bad_request', why);
}
