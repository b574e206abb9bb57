/**
 * Where the values are in Redis. A key in its token form has no colon, so no two values have one Redis key.
 *
 * In the founding form the bytes of a value are the string `<user>_<key>`, as founding hosts and their tools read and
 * write it. Two values can have one such key (`a_b` of `c`, `b` of `c_a`), and what others write there is seen only by
 * who reads it anew.
 */
import { fromStateKey, type StateKey, type UserName } from '../../../proto/names.ts';
import { nameOf } from '../core/value-name.ts';

export type RedisKeyForm = 'token' | 'founding';

/** Of the lock on a value, by the value's name. */
export function lockKeyOf(prefix: string, name: string): string {
  return `${prefix}:state-lock:${name}`;
}

export class RedisKeys {
  readonly #prefix: string;
  readonly #form: RedisKeyForm;
  /** Where hosts say which value was changed: `<host> <user>/<key>`, the key in its token form. */
  readonly channel: string;

  constructor(prefix: string, form: RedisKeyForm) {
    this.#prefix = prefix;
    this.#form = form;
    this.channel = `${prefix}:state-changed`;
  }

  /** What KEYS of the scripts begins with. */
  ofValue(user: UserName, key: StateKey): (string | Buffer)[] {
    const prefix = this.#prefix;
    const value =
      this.#form === 'token'
        ? this.valuePrefix(user) + key
        : Buffer.concat([Buffer.from(this.valuePrefix(user)), fromStateKey(key)]);
    return [
      value,
      `${prefix}:state-versions:${user}`,
      `${prefix}:state-names:${user}`,
      `${prefix}:state-usage`,
      `${prefix}:state-log:${user}:${key}`,
      `${prefix}:state-counter`,
      lockKeyOf(this.#prefix, nameOf(user, key)),
    ];
  }

  valuePrefix(user: UserName): string {
    return this.#form === 'token' ? `${this.#prefix}:state:${user}:` : `${user}_`;
  }

  /** Of one host's uploads. */
  upload(host: string, user: UserName, upload: string): string {
    return `${this.#prefix}:state-upload:${host}:${user}:${upload}`;
  }

  usage(): string {
    return `${this.#prefix}:state-usage`;
  }
}
