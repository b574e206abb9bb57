import { bytes, choice, duration } from '../kinds.ts';
import { place } from '../places.ts';
import { defineSettings } from '../setting.ts';

export const stateSettings = defineSettings({
  FAASM_STATE: {
    kind: place('sqlite', 'redis', 's3'),
    default: 'sqlite',
    reason: 'it needs nothing else, for one host',
    about:
      'where state is kept: in the data folder, for one host; in the Redis of FAASM_REDIS_URL, for all hosts that use it; or in S3, values that are written once',
  },
  FAASM_STATE_ACCESS: {
    kind: choice('synchronous', 'asynchronous'),
    default: 'synchronous',
    reason: 'what was written is then in the store before the call goes on',
    about: 'how state is accessed, where neither a function nor its call of the API says',
  },
  FAASM_STATE_REDIS_KEYS: {
    kind: choice('token', 'founding'),
    default: 'token',
    reason: 'no two values have the same key',
    about:
      'keys of state in Redis: token, which cannot collide, or founding, <user>_<key> as founding hosts have them',
  },
  FAASM_STATE_MAX_BYTES: {
    kind: bytes(),
    default: '1GiB',
    reason: 'twice the memory of a call, which maps a value at once',
    about: 'largest state value',
  },
  FAASM_STATE_PER_USER_MAX_BYTES: {
    kind: bytes(),
    default: '4GiB',
    reason: 'four of the largest values',
    about: 'all state values of a user together',
  },
  FAASM_STATE_RESIDENT_MAX_BYTES: {
    kind: bytes({ min: 2 ** 20 }),
    default: '2GiB',
    reason: 'two of the largest values, so that one can be read while another is written',
    about: 'state values held in memory; beyond it the longest unused ones go',
  },
  FAASM_STATE_LOCK_LEASE_MS: {
    kind: duration(),
    default: '15s',
    reason: 'longer than a busy host stands still, and short enough to wait for',
    about: "a function's lock on state in Redis is free so long after its host stands still or is gone",
  },
});
