/** What another process has computed. */
import { readFile } from 'node:fs/promises';

/** The kernel counts for programs in hundredths of a second, on every architecture. */
const tickMs = 10;

/** Of all its threads, in milliseconds; nothing where the system does not say, or the process is gone. */
export async function processorTimeMs(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  return text === undefined ? undefined : fromStat(text);
}

/** The name of the program, in parentheses, may hold anything; utime and stime are the 12th and 13th behind it. */
export function fromStat(text: string): number | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks * tickMs : undefined;
}
