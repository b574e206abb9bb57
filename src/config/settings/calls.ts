import { bytes, count, duration } from '../kinds.ts';
import { defineSettings } from '../setting.ts';

/** What a guest can be told the length of: 31 bits. */
const guestMaxBytes = 2 ** 31;

export const callSettings = defineSettings({
  FAASM_CALL_TIMEOUT_MS: {
    kind: duration(),
    default: '1m',
    reason: 'as long as clients and proxies usually wait',
    about: 'the longest that a call may take',
  },
  FAASM_INPUT_MAX_BYTES: {
    kind: bytes({ max: guestMaxBytes }),
    default: '64MiB',
    reason: 'the largest that a message between systems holds; larger data is state',
    about: 'largest input of a call',
  },
  FAASM_OUTPUT_MAX_BYTES: {
    kind: bytes({ max: guestMaxBytes }),
    default: '64MiB',
    reason: 'as the input, so that an output can be the input of the next call',
    about: 'largest output of a call',
  },
  FAASM_ACTIVE_CALLS_MAX: {
    kind: count(),
    default: '10000',
    reason:
      'with the quarter that is kept for others, below the 16,300 instances that a process has room for',
    about:
      'calls running or suspended of one user at most, and of all users a quarter more; further ones queue',
  },
  FAASM_QUEUED_CALLS_MAX: {
    kind: count({ zero: 'what cannot begin at once gets 429' }),
    default: '10000',
    reason: 'as many as may run: more would wait longer than they may take',
    about: 'calls queued at most, four of five of one user; further ones get 429',
  },
  FAASM_CALLS_PER_USER_MAX: {
    kind: count(),
    default: '20000',
    reason: 'as many as one host runs and queues',
    about: 'calls of one user under way at most',
  },
  FAASM_ASYNC_CALLS_MAX: {
    kind: count(),
    default: '64',
    reason: 'two for each executor, which leaves the most of a host to those who wait for an answer',
    about: 'asynchronous calls running at once at most',
  },
  FAASM_ASYNC_QUEUED_PER_USER_MAX: {
    kind: count(),
    default: '10000',
    reason: 'a hundredth of what is kept of all users',
    about: 'asynchronous calls of one user waiting at most',
  },
  FAASM_RESULT_KEPT_MS: {
    kind: duration({ max: 366 * 24 * 3_600_000, zero: 'a minute at most' }),
    default: '1h',
    reason: 'whoever asks again after a failure of its own asks within minutes',
    about: 'how long the result of an asynchronous call can be asked for, and an idempotency key is known',
  },
  FAASM_CHAIN_DEPTH_MAX: {
    kind: count({ zero: 'no function chains' }),
    default: '1000',
    reason: 'deeper than programs go that end, and soon reached by those that do not',
    about: 'calls that chain calls that chain calls, at most so deep',
  },
  FAASM_CALL_TREE_MAX: {
    kind: count({ zero: 'any number' }),
    default: '20000',
    reason: 'as many as one user may have under way',
    about: 'chained calls of one tree at most, from the call that nobody chained to the last',
  },
});
