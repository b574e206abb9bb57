/** The error numbers of WASI preview 1, and how one travels from the place that finds it to the guest. */

export const errno = {
  success: 0,
  acces: 2,
  badf: 8,
  exist: 20,
  fault: 21,
  fbig: 22,
  ilseq: 25,
  inval: 28,
  io: 29,
  isdir: 31,
  loop: 32,
  mfile: 33,
  nametoolong: 37,
  noent: 44,
  nospc: 51,
  nosys: 52,
  notdir: 54,
  notempty: 55,
  notsock: 57,
  notsup: 58,
  overflow: 61,
  perm: 63,
  pipe: 64,
  spipe: 70,
  notcapable: 76,
} as const;

export type ErrnoName = keyof typeof errno;

/** Thrown, and turned into the function's result before the guest runs on. No stack: guests ask for absent files often. */
export class ErrnoFailure {
  readonly errno: number;

  constructor(errno: number) {
    this.errno = errno;
  }
}

const failures = new Map<ErrnoName, ErrnoFailure>();
for (const [name, number] of Object.entries(errno)) {
  failures.set(name as ErrnoName, new ErrnoFailure(number));
}

/** Ends the running WASI function with this error. @throws ErrnoFailure always */
export function fail(name: ErrnoName): never {
  throw failures.get(name);
}
