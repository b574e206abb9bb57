/** Logs: JSON, one line an event, or readable lines for people. */
import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

export interface LogConfig {
  /** `debug`, `info`, `warn`, `error` or `silent`. */
  readonly level: string;
  /** Takes each event as a text for people, of one line and more for an error. @default JSON on standard error */
  readonly tell?: ((text: string) => void) | undefined;
}

/** @returns the log of one component; JSON is on standard error, which leaves standard output to results */
export function createLog({ level, tell }: LogConfig): (component: string) => Log {
  const stream =
    tell === undefined
      ? pino.destination({ dest: 2, sync: true })
      : { write: (line: string) => tell(toReadable(line)) };
  const root = pino({ level }, stream);
  return (component) => root.child({ component });
}

const toPretty = prettyFactory({ translateTime: 'SYS:HH:MM:ss', colorize: true });

/** Of a line that tells of what is usual, with the time before it; all that an event has is in the JSON. */
const usualColumnsMax = 80 - '[00:00:00] INFO: '.length;

/** What an event has beside its message follows it on the same line, as far as there is room. */
function toReadable(line: string): string {
  const { level, time, component, msg, err, pid: _pid, hostname: _host, ...rest } = JSON.parse(line);
  let text = `${component}: ${msg}`;
  for (const [name, value] of Object.entries(rest)) {
    const field = `, ${name} ${show(value)}`;
    if (level <= infoLevel && text.length + field.length > usualColumnsMax) break;
    text += field;
  }
  return toPretty({ level, time, msg: text, err }).trimEnd();
}

const infoLevel = pino.levels.values.info!;

/** Of a hash its beginning, which is enough to tell it from others. */
const show = (value: unknown): string =>
  typeof value === 'string' ? value.replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, '$1') : JSON.stringify(value);
