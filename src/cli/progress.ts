/** What is happening, on standard error: one line that is rewritten on a terminal, a line each elsewhere. */
import type { World } from './command.ts';

export interface Progress {
  show(text: string): void;
  /** A line that stays. */
  note(text: string): void;
}

const eraseLine = '\r\x1b[2K';

export function createProgress(stderr: World['stderr']): Progress & Disposable {
  const terminal = stderr.isTTY === true;
  let shown = '';
  const clear = (): void => {
    if (terminal && shown !== '') stderr.write(eraseLine);
    shown = '';
  };
  return {
    show(text) {
      if (text === shown) return;
      stderr.write(terminal ? `${eraseLine}${text}` : `${text}\n`);
      shown = text;
    },
    note(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    [Symbol.dispose]: clear,
  };
}
