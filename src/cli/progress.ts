/** What is happening, on standard error: one line that is rewritten on a terminal, a line each elsewhere. */
import type { World } from './command.ts';

export interface Progress {
  show(text: string): void;
  /** A line that stays. */
  note(text: string): void;
}

/** Of a terminal that does not say, or says 0. */
const columnsMin = 80;
const eraseLine = '\r\x1b[2K';

export function createProgress(stderr: World['stderr']): Progress & Disposable {
  const terminal = stderr.isTTY === true;
  let shown = '';
  const clear = (): void => {
    if (terminal && shown !== '') stderr.write(eraseLine);
    shown = '';
  };
  const show = (text: string): void => {
    if (text === shown) return;
    stderr.write(terminal ? `${eraseLine}${text.slice(0, (stderr.columns || columnsMin) - 1)}` : `${text}\n`);
    shown = text;
  };
  return {
    show,
    note(text) {
      const line = shown;
      clear();
      stderr.write(`${text}\n`);
      if (terminal) show(line);
    },
    [Symbol.dispose]: clear,
  };
}
