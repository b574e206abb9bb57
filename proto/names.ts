/**
 * The names people give things, checked once at the edge and branded from then on.
 *
 * A user and a function name are `[A-Za-z0-9_-]{1,64}`.
 * A call id is `<user>-<22 random characters of the same alphabet>`: nobody guesses the id of another's call, and whose
 * call it is can be read off it, as its end has a fixed length.
 * A state key is 1 to 512 bytes of anything. Inside the system it is always in its token form: a byte outside
 * `[A-Za-z0-9_-]` is written `=XX` (two upper-case hex digits). One token form stands for exactly one key, has none
 * of the characters that are special in a subject, a path or a Redis key, and so no two keys can collide.
 */
import { FaasmError } from './errors.ts';

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

export type UserName = Branded<string, 'UserName'>;
export type FunctionName = Branded<string, 'FunctionName'>;
export type StateKey = Branded<string, 'StateKey'>;
export type CallId = Branded<string, 'CallId'>;
export type HostId = Branded<string, 'HostId'>;

export const stateKeyMaxBytes = 512;

/** Of a call id, behind the user's name: 132 random bits in base64url. */
export const callSecretLength = 22;

const namePattern = /^[A-Za-z0-9_-]{1,64}$/;
const callIdPattern = /^[A-Za-z0-9_-]{1,64}-[A-Za-z0-9_-]{22}$/;
const tokenPattern = /^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/;

/** @throws FaasmError `bad_name` */
export function toUserName(text: string): UserName {
  return checkName(text, 'user') as UserName;
}

/** @throws FaasmError `bad_name` */
export function toFunctionName(text: string): FunctionName {
  return checkName(text, 'function') as FunctionName;
}

/** A host has the same alphabet as a name. @throws FaasmError `bad_name` */
export function toHostId(text: string): HostId {
  return checkName(text, 'host') as HostId;
}

/** @param user whose call it has to be, where that is known @throws FaasmError `bad_name` */
export function toCallId(text: string, user?: UserName): CallId {
  if (isCallId(text, user)) return text;
  const whose = user ?? '<user>';
  throw new FaasmError(
    'bad_name',
    `Bad call id ${quote(text)}: one of ${user ?? 'a user'} is ${whose}- and ${callSecretLength} of A-Z a-z 0-9 _ -`,
  );
}

export function isCallId(text: string, user?: UserName): text is CallId {
  return callIdPattern.test(text) && (user === undefined || userOfCall(text as CallId) === user);
}

export function userOfCall(id: CallId): UserName {
  return id.slice(0, -callSecretLength - 1) as UserName;
}

/** The token form of a key given as bytes (or as text, taken as UTF-8). @throws FaasmError `bad_name` */
export function toStateKey(key: Uint8Array | string): StateKey {
  const bytes = typeof key === 'string' ? Buffer.from(key, 'utf8') : key;
  if (bytes.length === 0 || bytes.length > stateKeyMaxBytes) {
    throw new FaasmError(
      'bad_name',
      `A state key has 1 to ${stateKeyMaxBytes} bytes; this one has ${bytes.length}`,
    );
  }
  let token = '';
  for (const byte of bytes) token += tokenOfByte[byte];
  return token as StateKey;
}

/** The bytes that a token form stands for. */
export function fromStateKey(key: StateKey): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < key.length; at++) {
    if (key[at] === '=') {
      bytes.push(Number.parseInt(key.slice(at + 1, at + 3), 16));
      at += 2;
    } else {
      bytes.push(key.charCodeAt(at));
    }
  }
  return Uint8Array.from(bytes);
}

/** A key as people read it: text where it is printable UTF-8, else its token form. Not to be taken back. */
export function showStateKey(key: StateKey): string {
  const bytes = fromStateKey(key);
  const text = Buffer.from(bytes).toString('utf8');
  return /\p{C}/u.test(text) || !Buffer.from(text, 'utf8').equals(bytes) ? key : text;
}

/** A token form that came from outside, as in a subject. Only the canonical form is taken. @throws FaasmError `bad_name` */
export function fromStateToken(token: string): StateKey {
  if (!tokenPattern.test(token) || toStateKey(fromStateKey(token as StateKey)) !== token) {
    throw new FaasmError(
      'bad_name',
      `Not a state key in token form: ${quote(token)}; a byte outside [A-Za-z0-9_-] is written =XX`,
    );
  }
  return token as StateKey;
}

const tokenOfByte = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_-]/.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

function checkName(text: string, what: string): string {
  if (namePattern.test(text)) return text;
  throw new FaasmError('bad_name', `Bad ${what} name ${quote(text)}: a name is 1 to 64 of A-Z a-z 0-9 _ -`);
}

/** Text from outside, made fit to stand in an error message. */
export function quote(text: string): string {
  const clean = text.replaceAll(/[^ -~]/g, '?');
  return JSON.stringify(clean.length > 80 ? `${clean.slice(0, 77)}...` : clean);
}
