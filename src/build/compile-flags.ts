/** What the compiler of C and C++ is told. */
import { isExceptionFlag } from './exceptions.ts';
import type { BuildFlags } from './options.ts';

/**
 * `setjmp` by the exception handling of wasm, which is in its standard form and not the one before it: a module cannot
 * have both. Code that uses neither stays as it is.
 * The compiler is told, and so is the linker, which compiles what was built with `-flto`.
 */
export const loweringFlags = ['-mllvm', '-wasm-enable-sjlj', '-mllvm', '-wasm-use-legacy-eh=false'];

/** Of POSIX, what WASI has nothing for and libc does within the guest; in headers only for those who ask. */
export const emulated = ['getpid', 'mman', 'process-clocks', 'signal'];

export const isLinkFlag = (flag: string): boolean => /^-(?:l|L|Wl,)/.test(flag);

export interface CompileMode {
  readonly cpp: boolean;
  /** Of C++. */
  readonly exceptions: boolean;
}

export function toCompileFlags(
  { optimize, defines, includes, extra }: BuildFlags,
  { cpp, exceptions }: CompileMode,
): string[] {
  return [
    cpp ? 'clang++' : 'clang',
    `-O${optimize}`,
    // Every engine that runs Faasm has SIMD; `-mno-simd128` leaves it out.
    '-msimd128',
    ...loweringFlags,
    ...emulated.map((name) => `-D_WASI_EMULATED_${name.toUpperCase().replace('-', '_')}`),
    '-ffunction-sections',
    '-fdata-sections',
    ...(cpp ? [exceptions ? '-fwasm-exceptions' : '-fno-exceptions'] : []),
    '-I.faasm/include',
    // The headers in it are beside the libc's own, and bring them in.
    '-isystem.faasm/include/posix',
    ...includes.map((folder) => `-I${folder}`),
    ...defines.map((define) => `-D${define}`),
    ...extra.filter((flag) => !isLinkFlag(flag) && !isExceptionFlag(flag) && !flag.startsWith('--target=')),
  ];
}
