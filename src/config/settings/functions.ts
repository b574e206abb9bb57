import { functionPlaceKinds } from '../../storage/place.ts';
import { bytes, count, duration, optional } from '../kinds.ts';
import { place } from '../places.ts';
import { defineSettings } from '../setting.ts';

export const functionSettings = defineSettings({
  FAASM_FUNCTIONS: {
    kind: optional(place(...functionPlaceKinds)),
    default: '',
    about: 'where functions are kept, which hosts may share; in the data folder where empty',
  },
  FAASM_FUNCTIONS_PER_USER_MAX: {
    kind: count(),
    default: '1000',
    reason: 'a list of them is one message',
    about: 'functions of one user at most',
  },
  FAASM_MODULE_MAX_BYTES: {
    kind: bytes({ max: 2 ** 30 }),
    default: '64MiB',
    reason: 'an interpreter with its library has 30 MiB',
    about: 'largest module',
  },
  FAASM_TABLE_MAX_ELEMENTS: {
    kind: count({ max: 10_000_000 }),
    default: '100000',
    reason: 'large programs have some ten thousand, and a table of 10,000,000 ends the process',
    about: 'elements of all tables of a module together, and of one that grows',
  },
  FAASM_COMPILE_MAX_MIB: {
    kind: bytes({ min: 2 ** 20 }, 'MiB'),
    default: '256MiB',
    reason: 'what large programs need, and much less than a module made for it can take',
    about: 'memory that compiling the functions of a module may take; it is tried before the module is live',
  },
  FAASM_COMPILE_MAX_MS: {
    kind: duration(),
    default: '20s',
    reason: 'the largest interpreters need a few seconds',
    about: 'how long compiling them may compute',
  },
  FAASM_BUILD_CACHE: {
    kind: optional(place('folder')),
    default: '',
    about:
      'folder of built functions; where empty, in the data folder, and for commands in the cache folder of who runs them',
  },
  FAASM_BUILD_STEP_MAX_MS: {
    kind: duration({ zero: 'no limit' }),
    default: '2m',
    reason: 'a C++ source takes 3 s, the first one 7 s; a large one on a slow machine many times as long',
    about: 'processor time of a build for one source, or for linking',
  },
});
