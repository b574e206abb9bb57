import { bytes, count } from '../kinds.ts';
import { defineSettings } from '../setting.ts';

export const fileSettings = defineSettings({
  FAASM_FILES_MAX_BYTES: {
    kind: bytes({ zero: 'a call writes none' }),
    default: '64MiB',
    reason: 'as the output of a call',
    about: 'files that a call writes, together',
  },
  FAASM_SHARED_FILE_MAX_BYTES: {
    kind: bytes(),
    default: '256MiB',
    reason: 'a data set or a model that a function reads as a whole',
    about: 'largest shared file',
  },
  FAASM_SHARED_FILES_PER_USER_MAX_BYTES: {
    kind: bytes(),
    default: '1GiB',
    reason: 'four of the largest files',
    about: 'all shared files of a user together',
  },
  FAASM_SHARED_FILES_PER_USER_MAX: {
    kind: count({ zero: 'no shared files' }),
    default: '20000',
    reason: 'the library of an interpreter has some thousands',
    about: 'shared files of one user at most',
  },
});
