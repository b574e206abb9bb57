/** The compiler's and linker's own words, made fit for whoever wrote the program. */
import { FaasmError } from '../../proto/errors.ts';

/** At most so many characters of a message reach the caller. */
const messageMaxLength = 64 * 1024;

const noThreads = 'This toolchain has no threads: chain other calls instead, which run at the same time.';

const advice: readonly (readonly [sign: RegExp, text: string])[] = [
  [/with exceptions disabled/, 'The flags say that there are no C++ exceptions: leave out -fno-exceptions.'],
  [/without support for threads/, noThreads],
];

/** Lines that the compiler adds to what it has to say. */
const additions = [
  /^\d+ (?:warnings?|errors?)(?: and \d+ errors?)? generated\.$/,
  /^(?:clang version|Target:|Thread model:|InstalledDir:|Build config:)/,
];

/** Without those, and not too long. */
export function tidyMessages(text: string): string {
  const tidy = text
    .split('\n')
    .filter((line) => !additions.some((addition) => addition.test(line)))
    .join('\n')
    .trim();
  return tidy.length > messageMaxLength ? `${tidy.slice(0, messageMaxLength)}\n…` : tidy;
}

/** `bad_request` with those messages, and with what they mean here, where that is not what they say. */
export function buildFailure(program: string, messages: string): FaasmError {
  const text =
    tidyMessages(messages) || 'The compiler made nothing and does not say why; look at the extra flags';
  const found = advice.filter(([sign]) => sign.test(text)).map(([, meaning]) => meaning);
  return new FaasmError('bad_request', [`Cannot build ${program}:`, text, ...found].join('\n'));
}

/**
 * Why a module of objects with these symbols, as `nm` lists them, could not do its work; nothing when it can.
 * Starting a thread links, for libc has the function, and fails whenever it runs.
 */
export function refuseSymbols(symbols: string): string | undefined {
  const used = /^\s+U (pthread_create|thrd_create)$/m.exec(symbols)?.[1];
  return used === undefined ? undefined : `It uses ${used}(). ${noThreads}`;
}
