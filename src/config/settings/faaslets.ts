import { bytes, choice, count } from '../kinds.ts';
import { defineSettings } from '../setting.ts';

export const faasletSettings = defineSettings({
  FAASM_EXECUTORS_MAX: {
    kind: count({ max: 1024 }),
    default: '32',
    reason: 'users that compute at the same time get one each; they take 7 MB apiece',
    about: 'executor threads at most',
  },
  FAASM_EXECUTORS_SPARE: {
    kind: count({ max: 1024, zero: 'each is started when it is needed, which takes 20 ms' }),
    default: '1',
    reason: 'one takes over at once where another was killed',
    about: 'executor threads kept started with nothing to do',
  },
  FAASM_FAASLETS_MAX: {
    kind: count({ max: 16_000 }),
    default: '14000',
    reason: 'a process has address space for 16,300 instances',
    about: 'Faaslets at most, running and idle; beyond it the longest unused idle ones go',
  },
  FAASM_FAASLETS_MAX_MIB: {
    kind: bytes({ min: 2 ** 20 }, 'MiB'),
    default: '2GiB',
    reason: 'half of a small machine; state in memory has as much',
    about:
      'real memory of all Faaslets, inputs and outputs of calls at most; beyond it idle Faaslets go and calls wait',
  },
  FAASM_CALL_MEMORY_PER_USER_MAX_MIB: {
    kind: bytes({ min: 2 ** 20 }, 'MiB'),
    default: '1GiB',
    reason: 'half of what all have',
    about: 'the same of one user; beyond it calls of the user wait, and what a call would hold more fails it',
  },
  FAASM_MEMORY_MAX_MIB: {
    kind: bytes({ min: 2 ** 20, max: 2 ** 32 }, 'MiB'),
    default: '512MiB',
    reason: 'half of what a user has',
    about: 'largest linear memory of a call',
  },
  FAASM_MEMORY: {
    kind: choice('auto', 'mapped', 'copy'),
    default: 'auto',
    reason: 'mapped where it works, which is found out by trying',
    about: 'memory of Faaslets: mapped (pages, Linux), copy (anywhere), or auto',
  },
});
