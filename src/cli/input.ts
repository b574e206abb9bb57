/** Bytes from the command line, from a file or from standard input. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { UsageError, type World } from './command.ts';
import { type RequestBody, toBody } from './host-client.ts';

export interface InputSource {
  /** Text as it is; `@path` is a file, `@-` standard input. */
  readonly data?: string | undefined;
  readonly file?: string | undefined;
  /** `-` alone: standard input. */
  readonly operand?: string | undefined;
}

/** Said before a terminal is read from, which else looks as if nothing happens. */
export const inputFromTerminal = 'The input comes from the terminal; Ctrl-D ends it\n';

/** Nothing where no source is given. @throws UsageError, FaasmError `not_found` */
export async function toInput(source: InputSource, world: World): Promise<RequestBody | undefined> {
  const { data, file, operand } = source;
  if ([data, file, operand].filter((given) => given !== undefined).length > 1) {
    throw new UsageError('The data is given more than once');
  }
  if (operand !== undefined && operand !== '-') {
    throw new UsageError(`${JSON.stringify(operand)} is one argument too many; data is given with -d`);
  }
  const path = file ?? (data?.startsWith('@') ? data.slice(1) : operand);
  if (path === '-') {
    if (world.stdin.isTTY === true) world.stderr.write(inputFromTerminal);
    return { stream: world.stdin };
  }
  if (path !== undefined) return readFile(path);
  return data === undefined ? undefined : toBody(data);
}

async function readFile(path: string): Promise<RequestBody> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
    throw new FaasmError('not_found', `Cannot read ${quote(path)}: ${reason}`, { cause });
  });
  if (found.isDirectory()) throw new FaasmError('bad_request', `${quote(path)} is a folder, not a file`);
  if (found.size === 0) return { stream: createReadStream(path) };
  return { stream: createReadStream(path, { end: found.size - 1 }), byteLength: found.size };
}
