/** Logs: JSON, one line an event, or readable lines on a terminal. */
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

export interface LogConfig {
  /** `debug`, `info`, `warn`, `error` or `silent`. */
  readonly level: string;
  /** Readable lines in place of JSON. */
  readonly pretty: boolean;
}

/** @returns the log of one component; it writes to standard error, which leaves standard output to results */
export function createLog({ level, pretty: readable }: LogConfig): (component: string) => Log {
  const stream = readable
    ? pretty({
        destination: 2,
        ignore: 'pid,hostname,component',
        messageFormat: '{component}: {msg}',
        sync: true,
      })
    : pino.destination({ dest: 2, sync: true });
  const root = pino({ level }, stream);
  return (component) => root.child({ component });
}
