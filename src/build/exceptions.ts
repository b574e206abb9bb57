/**
 * Whether the C++ of a program is compiled with exceptions. Without them a module is smaller, for nothing in it has to
 * be unwound; so a program has them where its flags say so, or where it throws or catches.
 */
import type { SourceFile } from './options.ts';

const flag = /^-f(no-)?(?:wasm-|cxx-)?exceptions$/;

export const isExceptionFlag = (text: string): boolean => flag.test(text);

/** As the last such flag says; nothing when there is none. */
export function exceptionsAsked(flags: readonly string[]): boolean | undefined {
  const last = flags.findLast(isExceptionFlag);
  return last === undefined ? undefined : !last.startsWith('-fno-');
}

/** Comments, characters and texts, in which a keyword is none. */
const notCode = /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/**
 * What a source says itself. Headers may have more than a program uses of them, and so do not count: where one that is
 * used does throw, the compiler says so.
 */
export function throwsOrCatches({ text }: SourceFile): boolean {
  return typeof text === 'string' && /\b(?:throw|try|catch)\b/.test(text.replace(notCode, ' '));
}

/** Whether this is what the compiler says of a program that is compiled without exceptions and has some. */
export const lacksExceptions = (messages: string): boolean => messages.includes('with exceptions disabled');

/** In what `nm` lists of objects: they throw or catch. */
export const exceptionSymbol =
  /^\s+U (?:__cxa_(?:allocate_exception|begin_catch|rethrow|throw)|__cpp_exception|_Unwind_\w+)$/m;
